/* Waits for what never comes: argument "read", "sleep", "poll" or "flood". */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char byte;
    const char *how = argc > 1 ? argv[1] : "";
    if (strcmp(how, "read") == 0)
        return (int)read(0, &byte, 1);
    if (strcmp(how, "sleep") == 0)
        return (int)sleep(3600);
    if (strcmp(how, "poll") == 0) {
        struct pollfd fd = {.fd = 0, .events = POLLRDNORM};
        return poll(&fd, 1, -1);
    }
    if (strcmp(how, "flood") == 0) {
        static char text[4096];
        memset(text, 'x', sizeof text);
        while (write(1, text, sizeof text) > 0)
            continue;
        return 9;
    }
    return 1;
}
