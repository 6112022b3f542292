/*
 * A plugin host: many instances of one module on several threads, each with limits of its own; a
 * plugin that hangs is watched while it runs, and cancelled, without disturbing the others.
 */
#include "check.h"

#include <pthread.h>
#include <wasm_sandbox/wasm_sandbox.h>

enum { THREADS = 4, PLUGINS = 50, CALLS = 20 };

static const char plugin[] =
    "(module (memory 1)"
    "  (func (export \"score\") (param i32) (result i32)"
    "    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (local.get 0)))"
    "    (i32.load (i32.const 0)))"
    "  (func (export \"hang\") (loop $forever (br $forever))))";

typedef struct host {
    wsb_sandbox *sandbox;
    wsb_module_id module;
} host;

static wsb_instance_id new_plugin(const host *self)
{
    wsb_error *error = NULL;
    wsb_instance_id id = 0;
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_memory = 4 * WSB_MIB;
    limits.max_wall_time = 10 * WSB_SECOND;
    limits.max_cpu_time = 5 * WSB_SECOND;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.limits = &limits; /* no capabilities: a plugin computes, and nothing else */
    check(wsb_sandbox_create_instance(self->sandbox, self->module, &config, &id, &error), &error);
    return id;
}

/* A worker: makes plugins, calls each a few times, drops them. */
static void *work(void *argument)
{
    const host *self = argument;
    wsb_error *error = NULL;
    for (int i = 0; i < PLUGINS; i++) {
        wsb_instance_id id = new_plugin(self);
        wsb_value score = wsb_value_i32(0);
        for (int call = 0; call < CALLS; call++) {
            wsb_value points = wsb_value_i32(2);
            check(wsb_sandbox_call_function(self->sandbox, id, wsb_cstr("score"), &points, 1,
                                            &score, 1, &error),
                  &error);
        }
        expect(score.of.i32 == 2 * CALLS, "each instance has memory of its own");
        check(wsb_sandbox_drop_instance(self->sandbox, id, &error), &error);
    }
    return NULL;
}

typedef struct hanging {
    const host *host;
    wsb_instance_id id;
} hanging;

/* A plugin that never returns, on a thread of its own. */
static void *hang(void *argument)
{
    const hanging *self = argument;
    wsb_error *error = NULL;
    wsb_status status = wsb_sandbox_call_function(self->host->sandbox, self->id, wsb_cstr("hang"),
                                                  NULL, 0, NULL, 0, &error);
    printf("the hanging plugin: %s\n", wsb_error_message(error));
    expect(status == WSB_ERROR_CANCELLED, "cancelled");
    wsb_error_destroy(error);
    return NULL;
}

/* Usage can be read while the guest runs: here, until it has begun. */
static void wait_until_called(const hanging *self)
{
    wsb_error *error = NULL;
    wsb_usage usage = WSB_USAGE_INIT;
    while (usage.wall_time == 0)
        check(wsb_sandbox_usage(self->host->sandbox, self->id, &usage, &error), &error);
    printf("while it runs: %llu bytes of memory, %.3f ms\n", (unsigned long long)usage.memory,
           (double)usage.wall_time / 1e6);
}

static void start(pthread_t *thread, void *(*function)(void *), void *argument)
{
    expect(pthread_create(thread, NULL, function, argument) == 0, "a thread could not be made");
}

int main(void)
{
    wsb_error *error = NULL;
    host self = {NULL, 0};
    pthread_t threads[THREADS], stuck;
    check(wsb_sandbox_create(NULL, &self.sandbox, &error), &error);
    check(wsb_sandbox_load_module(self.sandbox, wsb_bytes_of(plugin, sizeof plugin - 1),
                                  &self.module, &error),
          &error);

    hanging bad = {&self, new_plugin(&self)};
    start(&stuck, hang, &bad);
    for (int i = 0; i < THREADS; i++)
        start(&threads[i], work, &self);
    wait_until_called(&bad);
    check(wsb_sandbox_cancel(self.sandbox, bad.id, &error), &error);
    pthread_join(stuck, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);

    /* A cancelled instance can only be dropped. */
    wsb_status status =
        wsb_sandbox_call_function(self.sandbox, bad.id, wsb_cstr("hang"), NULL, 0, NULL, 0, &error);
    expect(status == WSB_ERROR_CLOSED, "closed");
    wsb_error_destroy(error);
    error = NULL;
    check(wsb_sandbox_drop_instance(self.sandbox, bad.id, &error), &error);
    printf("%d plugins on %d threads were not disturbed\n", PLUGINS * THREADS, THREADS);
    wsb_sandbox_destroy(self.sandbox);
    return 0;
}
