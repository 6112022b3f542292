#include "bench_channel_ring.h"

#include "bench.h"

#include <stdlib.h>
#include <string.h>

void bench_ring_init(bench_ring *ring, size_t capacity, size_t max_messages)
{
    *ring = (bench_ring){.capacity = capacity, .max_messages = max_messages};
    pthread_mutex_init(&ring->mutex, NULL);
    pthread_cond_init(&ring->has_message, NULL);
    pthread_cond_init(&ring->has_room, NULL);
    ring->bytes = malloc(capacity);
    ring->lengths = calloc(max_messages, sizeof *ring->lengths);
    if (!ring->bytes || !ring->lengths) {
        bench_fail("out of memory");
    }
    memset(ring->bytes, 1, capacity);
}

void bench_ring_fini(bench_ring *ring)
{
    pthread_mutex_destroy(&ring->mutex);
    pthread_cond_destroy(&ring->has_message);
    pthread_cond_destroy(&ring->has_room);
    free(ring->bytes);
    free(ring->lengths);
}

static size_t until_end(const bench_ring *ring, size_t position, size_t len)
{
    size_t left = ring->capacity - position;
    return len < left ? len : left;
}

static void copy_in(bench_ring *ring, const uint8_t *message, size_t len)
{
    size_t end = (ring->first + ring->used) % ring->capacity;
    size_t part = until_end(ring, end, len);
    memcpy(ring->bytes + end, message, part);
    memcpy(ring->bytes, message + part, len - part);
    ring->used += len;
    ring->lengths[(ring->oldest + ring->count) % ring->max_messages] = len;
    ring->count++;
}

static size_t copy_out(bench_ring *ring, uint8_t *out)
{
    size_t len = ring->lengths[ring->oldest];
    size_t part = until_end(ring, ring->first, len);
    memcpy(out, ring->bytes + ring->first, part);
    memcpy(out + part, ring->bytes, len - part);
    ring->first = (ring->first + len) % ring->capacity;
    ring->used -= len;
    ring->oldest = (ring->oldest + 1) % ring->max_messages;
    ring->count--;
    return len;
}

bool bench_ring_send(bench_ring *ring, const void *message, size_t len)
{
    pthread_mutex_lock(&ring->mutex);
    while (!ring->closed &&
           (ring->count == ring->max_messages || len > ring->capacity - ring->used)) {
        pthread_cond_wait(&ring->has_room, &ring->mutex);
    }
    bool sent = !ring->closed;
    if (sent) {
        copy_in(ring, message, len);
    }
    pthread_mutex_unlock(&ring->mutex);
    pthread_cond_signal(&ring->has_message);
    return sent;
}

size_t bench_ring_receive(bench_ring *ring, void *out)
{
    pthread_mutex_lock(&ring->mutex);
    while (!ring->closed && ring->count == 0) {
        pthread_cond_wait(&ring->has_message, &ring->mutex);
    }
    size_t len = ring->count > 0 ? copy_out(ring, out) : SIZE_MAX;
    pthread_mutex_unlock(&ring->mutex);
    pthread_cond_signal(&ring->has_room);
    return len;
}

void bench_ring_close(bench_ring *ring)
{
    pthread_mutex_lock(&ring->mutex);
    ring->closed = true;
    pthread_mutex_unlock(&ring->mutex);
    pthread_cond_broadcast(&ring->has_message);
    pthread_cond_broadcast(&ring->has_room);
}
