/* cmocka puts its own handlers on SIGSEGV, SIGILL and the like around each test, on top of those
 * with which an engine finds traps. Linked into a test, this signal() leaves them alone: traps are
 * traps, and a real crash ends the test program with its signal. */
#include <signal.h>

__attribute__((visibility("default"))) __sighandler_t signal(int number, __sighandler_t handler);

__sighandler_t signal(int number, __sighandler_t handler)
{
    (void)number;
    (void)handler;
    return SIG_DFL;
}
