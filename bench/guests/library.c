/* The whole C library as one module: a real program's worth of code to compile. Linked with all of
 * its members, whether or not anything calls them. */
int main(void)
{
    return 0;
}
