/* Channels in memory between threads of the host: short messages against a queue of the same
 * meaning made of a mutex and condition variables, long ones against copying as much. */
#include "bench.h"
#include "bench_channel_ring.h"
#include "ours.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SHORT = 64,
    LONG = 64 * 1024,
    CAPACITY = 1024 * 1024,
    MAX_MESSAGES = CAPACITY / 32,
    MOST_THREADS = 4,
    SHORT_MESSAGES = 100000,
    LONG_MESSAGES = 2000
};

/* Threads that send and as many that receive, through the one or the other. */
typedef struct flow {
    size_t threads; /* on each side */
    size_t len;
    bool is_ring;
    bench_ring ring;
    wsb_channel *sender;
    wsb_channel *receiver;
    uint64_t each; /* messages of a thread */
} flow;

static void *produce(void *argument)
{
    flow *f = argument;
    uint8_t *message = calloc(1, f->len);
    for (uint64_t i = 0; i < f->each; i++) {
        memcpy(message, &i, sizeof i);
        bool sent = f->is_ring ? bench_ring_send(&f->ring, message, f->len)
                               : wsb_channel_send(f->sender, wsb_bytes_of(message, f->len),
                                                  UINT64_MAX, NULL) == WSB_OK;
        if (!sent) {
            bench_fail("a message was not sent");
        }
    }
    free(message);
    return NULL;
}

static void *consume(void *argument)
{
    flow *f = argument;
    uint8_t *bytes = malloc(f->len);
    wsb_buf message = WSB_BUF_INIT;
    for (uint64_t i = 0; i < f->each; i++) {
        size_t len;
        if (f->is_ring) {
            len = bench_ring_receive(&f->ring, bytes);
        } else {
            len = wsb_channel_receive(f->receiver, &message, UINT64_MAX, NULL) == WSB_OK
                      ? message.len
                      : SIZE_MAX;
        }
        if (len != f->len) {
            bench_fail("a message did not come whole");
        }
    }
    free(bytes);
    wsb_buf_fini(&message);
    return NULL;
}

static void run_flow(void *context, uint64_t iterations)
{
    flow *f = context;
    pthread_t threads[2 * MOST_THREADS];
    f->each = iterations / f->threads;
    for (size_t i = 0; i < 2 * f->threads; i++) {
        if (pthread_create(&threads[i], NULL, i % 2 ? consume : produce, f) != 0) {
            bench_fail("cannot start a thread");
        }
    }
    for (size_t i = 0; i < 2 * f->threads; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void open_flow(flow *f, size_t threads, size_t len, bool is_ring)
{
    *f = (flow){.threads = threads, .len = len, .is_ring = is_ring};
    if (is_ring) {
        bench_ring_init(&f->ring, CAPACITY, MAX_MESSAGES);
    } else {
        ours_channel_create(CAPACITY, &f->sender, &f->receiver);
    }
}

static void close_flow(flow *f)
{
    if (f->is_ring) {
        bench_ring_close(&f->ring);
        bench_ring_fini(&f->ring);
    } else {
        wsb_channel_destroy(f->sender);
        wsb_channel_destroy(f->receiver);
    }
}

typedef struct copy {
    uint8_t *from;
    uint8_t *to;
} copy;

static void run_copy(void *context, uint64_t iterations)
{
    copy *c = context;
    for (uint64_t i = 0; i < iterations; i++) {
        memcpy(c->from, &i, sizeof i);
        memcpy(c->to, c->from, LONG);
        __asm__ volatile("" : : "r"(c->to) : "memory");
    }
}

static void short_messages(size_t rounds)
{
    flow flows[4];
    bench_subject subjects[4];
    static const char *const names[] = {"ring, 1 + 1", "channel, 1 + 1", "ring, 4 + 4",
                                        "channel, 4 + 4"};
    for (size_t i = 0; i < 4; i++) {
        open_flow(&flows[i], i < 2 ? 1 : MOST_THREADS, SHORT, i % 2 == 0);
        subjects[i] = (bench_subject){
            .name = names[i], .run = run_flow, .context = &flows[i], .iterations = SHORT_MESSAGES};
    }
    bench_compare_rounds(subjects, 4, rounds, false);
    bench_row("channel.one", subjects[0].median_ns, subjects[1].median_ns,
              "best %.0f and %.0f ns a message", subjects[0].minimum_ns, subjects[1].minimum_ns);
    bench_row("channel.many", subjects[2].median_ns, subjects[3].median_ns,
              "best %.0f and %.0f ns a message", subjects[2].minimum_ns, subjects[3].minimum_ns);
    bench_row("channel.many_one", subjects[1].median_ns, subjects[3].median_ns,
              "our 4 + 4 beside our 1 + 1");
    for (size_t i = 0; i < 4; i++) {
        close_flow(&flows[i]);
    }
}

/* A guest that sends, and a thread of the host that receives. */
typedef struct guest_flow {
    flow f; /* of the receiving side */
    wsb_function *send_long;
} guest_flow;

static void run_guest(void *context, uint64_t iterations)
{
    guest_flow *g = context;
    pthread_t thread;
    wsb_value count = wsb_value_i32((int32_t)iterations);
    wsb_value result = wsb_value_i32(-1);
    wsb_error *error = NULL;
    g->f.each = iterations;
    if (pthread_create(&thread, NULL, consume, &g->f) != 0) {
        bench_fail("cannot start a thread");
    }
    ours_check(wsb_function_call(g->send_long, &count, 1, &result, 1, &error), &error);
    if (result.of.i32 != 0) {
        bench_fail("the guest could not send: %d", result.of.i32);
    }
    pthread_join(thread, NULL);
}

static wsb_instance *open_guest(guest_flow *g, const char *data)
{
    open_flow(&g->f, 1, LONG, false);
    char *path = bench_path(data, "channel.wasm");
    wsb_module *module = ours_module_compile(ours_runtime_create(), path);
    wsb_instance *instance =
        ours_instance_with_channel(module, WSB_EXECUTION_DIRECT, "out", g->f.sender);
    g->send_long = ours_function(instance, "send_long");
    free(path);
    return instance;
}

static void long_messages(size_t rounds, const char *data)
{
    copy c = {calloc(1, LONG), calloc(1, LONG)};
    flow f;
    guest_flow g;
    open_flow(&f, 1, LONG, false);
    wsb_instance *instance = open_guest(&g, data);
    bench_subject subjects[] = {
        {.name = "memcpy", .run = run_copy, .context = &c, .iterations = LONG_MESSAGES},
        {.name = "64 KiB, host to host", .run = run_flow, .context = &f},
        {.name = "64 KiB, guest to host", .run = run_guest, .context = &g},
    };
    subjects[1].iterations = subjects[2].iterations = LONG_MESSAGES;
    bench_compare_rounds(subjects, 3, rounds, false);
    bench_row("channel.long", subjects[0].median_ns, subjects[1].median_ns, "%.1f and %.1f GB/s",
              LONG / subjects[0].median_ns, LONG / subjects[1].median_ns);
    bench_row("channel.guest", subjects[0].median_ns, subjects[2].median_ns, "%.1f and %.1f GB/s",
              LONG / subjects[0].median_ns, LONG / subjects[2].median_ns);
    wsb_instance_destroy(instance);
    close_flow(&g.f);
    close_flow(&f);
    free(c.from);
    free(c.to);
}

int main(int argc, char **argv)
{
    bench_options options;
    bench_options_parse(&options, argc, argv);
    size_t rounds = options.quick ? 15 : 61;
    short_messages(rounds);
    long_messages(rounds, options.data);
    return 0;
}
