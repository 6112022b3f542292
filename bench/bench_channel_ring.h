/* What channels are compared with: a queue of whole messages, bounded in bytes and in messages,
 * with a close flag, made of a POSIX mutex and two condition variables. */
#ifndef WSB_BENCH_CHANNEL_RING_H
#define WSB_BENCH_CHANNEL_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_ring {
    pthread_mutex_t mutex;
    pthread_cond_t has_message;
    pthread_cond_t has_room;
    uint8_t *bytes; /* of the messages, one after the other, around the end */
    size_t capacity;
    size_t first;
    size_t used;
    size_t *lengths;
    size_t max_messages;
    size_t oldest;
    size_t count;
    bool closed;
} bench_ring;

void bench_ring_init(bench_ring *ring, size_t capacity, size_t max_messages);
void bench_ring_fini(bench_ring *ring);

/* Waits for room; false where it is closed. */
bool bench_ring_send(bench_ring *ring, const void *message, size_t len);

/* Waits for a message; its length, or SIZE_MAX where it is closed. `out` has room for it. */
size_t bench_ring_receive(bench_ring *ring, void *out);

void bench_ring_close(bench_ring *ring);

#endif
