/* The suite that every type of channel must pass. It uses nothing but public headers: compile these
 * files with a main() of your own, which fills in a channel_kind and calls channel_conformance().
 */
#ifndef WSB_TESTS_CHANNEL_CONFORMANCE_H
#define WSB_TESTS_CHANNEL_CONFORMANCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those: */
#include <cmocka.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <wasm_sandbox/plugin/channel.h>

typedef enum channel_lane { LANE_MESSAGES, LANE_RESULTS } channel_lane;

/* A type under test. */
typedef struct channel_kind {
    const char *name;
    wsb_status (*create)(const wsb_channel_options *options, wsb_channel **out_end,
                         wsb_channel **out_other);
    /* What a message begins and ends with, by lane, where the type looks at what it carries; the
     * letters between them are the test's. NULL: any bytes pass, none as well. */
    const char *begin[2];
    const char *end[2];
    size_t max_message; /* in bytes; 0: the capacity */
    /* How many times the capacity may wait in a lane; 0: once, exactly. */
    unsigned slack;
} channel_kind;

/* Returns how many tests failed. */
int channel_conformance(const channel_kind *kind);

/* The rest is the suite's own. */

extern const channel_kind *kind;

#define FOREVER UINT64_MAX
#define MILLISECOND ((uint64_t)1000000)
#define LONG_ENOUGH (60000 * MILLISECOND)

typedef struct ends {
    wsb_channel *a;
    wsb_channel *b;
} ends;

/* 0: the default. */
ends open_ends(uint64_t capacity, uint64_t max_messages);
void drop_ends(ends *pair);

/* A message of `len` bytes, or a little more where the kind needs it, that has `number` in it. The
 * caller releases it with free(). */
wsb_bytes make_message(channel_lane lane, uint64_t number, size_t len);
/* Checks that it is such a message; its number. */
uint64_t number_of(channel_lane lane, const wsb_buf *message);

wsb_status lane_send(wsb_channel *end, channel_lane lane, uint64_t number, size_t len,
                     uint64_t timeout);
wsb_status lane_receive(wsb_channel *end, channel_lane lane, wsb_buf *io_message, uint64_t timeout);
/* Receives, and expects this number; waits, as a type may take a while to hand it over. */
void expect_number(wsb_channel *end, channel_lane lane, uint64_t number);
wsb_status lane_try(wsb_channel *end, channel_lane lane);
wsb_channel_event receive_event(channel_lane lane);
wsb_channel_event send_event(channel_lane lane);
/* Sends until there is no room; how many. */
uint64_t fill_lane(wsb_channel *end, channel_lane lane, size_t len);

/* A waker that can be waited for. */
typedef struct test_waker {
    wsb_waker *waker;
    sem_t woken;
    sem_t destroyed;
} test_waker;

void make_waker(test_waker *self);
bool was_woken(test_waker *self); /* now */
void expect_wake(test_waker *self);
void expect_destroyed(test_waker *self); /* gives the test's reference back first */

pthread_t start(void *(*run)(void *), void *argument);

/* The parts. */
int run_transfer_tests(void);
int run_closing_tests(void);
int run_waiting_tests(void);
int run_thread_tests(void);

#endif
