/* Starting programs and reading what they print. */
#ifndef WSB_BENCH_CHILD_H
#define WSB_BENCH_CHILD_H

#include <stddef.h>

/* Runs `argv`, waits, and gives the wall time in ns from before the start until the end was
 * seen. Standard output goes into `output` (terminated; the rest is dropped). Ends the program
 * where the other one does not exit with 0. */
double spawn_timed(char *const argv[], char *output, size_t capacity);

#endif
