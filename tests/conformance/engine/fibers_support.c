/* Host functions that wait, and guests that import them. */
#include <pthread.h>
#include <stdlib.h>

#include "fibers.h"

wsb_host_result fiber_wait(fiber_host *host, void *caller, wsb_raw_value *values)
{
    host->caller = caller;
    host->values = values;
    host->left = host->pending;
    return host->left > 0 ? WSB_HOST_PENDING : host->end;
}

static wsb_host_result host_wait(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    wsb_host_result result = fiber_wait(context, caller, values);
    if (result == WSB_HOST_DONE)
        values[0].i32 += 1;
    return result;
}

static wsb_host_result host_now(void *data, void *context, void *caller, wsb_raw_value *values)
{
    (void)data;
    (void)context;
    (void)caller;
    (void)values;
    return WSB_HOST_DONE;
}

/* Pending with arguments of all types, which the continuation then finds. */
static wsb_host_result host_all(void *data, void *context, void *caller, wsb_raw_value *values)
{
    fiber_host *host = context;
    (void)data;
    if (values[0].i32 != -7 || values[1].i64 != INT64_MIN || values[2].f32 != 1.5f ||
        values[3].f64 != -2.25)
        atomic_fetch_add(&host->wrong, 1);
    return fiber_wait(host, caller, values);
}

static void finish_all(fiber_host *host, wsb_raw_value *values)
{
    if (values[0].i32 != -7 || values[1].i64 != INT64_MIN || values[2].f32 != 1.5f ||
        values[3].f64 != -2.25)
        atomic_fetch_add(&host->wrong, 1);
    values[0].f64 = -3.5;
    values[1].f32 = 0.125f;
    values[2].i64 = INT64_MAX;
    values[3].i32 = INT32_MIN;
}

/* Of host_wait() and host_all(): the second has more than one result. */
static wsb_host_result resume(void *context, void *caller, wsb_raw_value *values)
{
    fiber_host *host = context;
    host->resumes++;
    if (caller != host->caller || values != host->values)
        atomic_fetch_add(&host->wrong, 1);
    if (--host->left > 0)
        return WSB_HOST_PENDING;
    if (host->end != WSB_HOST_DONE)
        return host->end;
    if (values[0].i32 == -7)
        finish_all(host, values);
    else
        values[0].i32 += 1;
    return WSB_HOST_DONE;
}

static bool should_yield(void *context)
{
    fiber_host *host = context;
    atomic_fetch_add(&host->yielded, 1);
    return atomic_load(&host->yield);
}

void fiber_init(fiber_guest *f)
{
    static const struct {
        const char *name;
        const char *types;
        wsb_engine_host_fn call;
    } functions[3] = {
        {"wait", "i:i", host_wait}, {"now", "i:i", host_now}, {"all", "iIfd:dfIi", host_all}};
    memset(f, 0, sizeof *f);
    guest_init(&f->g);
    for (size_t i = 0; i < 3; i++) {
        signature_parse(&f->types[i], functions[i].types);
        f->imports[i] = (wsb_engine_import){.module = wsb_cstr("host"),
                                            .name = wsb_cstr(functions[i].name),
                                            .type = f->types[i].type,
                                            .call = functions[i].call,
                                            .never_waits = i == 1};
    }
    f->g.imports = f->imports;
    f->g.import_count = 3;
    f->g.options.fibers = TEST_FIBERS;
    f->g.limits.host = &f->host;
    f->g.limits.should_yield = should_yield;
    f->g.limits.resume = resume;
    f->host.pending = 1;
}

void fiber_open(fiber_guest *f)
{
    guest_open(&f->g, "fibers");
    f->host.state.instance = f->g.instance;
}

void fiber_close(fiber_guest *f)
{
    guest_close(&f->g);
    assert_int_equal(atomic_load(&f->host.wrong), 0);
}

wsb_engine_result fiber_instantiate(fiber_guest *f, fiber_host *host, void **out_instance)
{
    f->g.limits.host = host;
    wsb_engine_result result = guest_instantiate(&f->g, out_instance);
    f->g.limits.host = &f->host;
    return result;
}

wsb_engine_result fiber_call(fiber_guest *f, const char *name, const char *types,
                             wsb_raw_value *values)
{
    bool references = strpbrk(types, "re") != NULL;
    signature_parse(&f->called, types);
    memset(&f->g.failure, 0, sizeof f->g.failure);
    if (!ops->export_get(f->g.instance, wsb_cstr(name), WSB_EXTERN_FUNCTION, &f->function))
        fail_msg("no export %s", name);
    return (references ? ops->function_call_references : ops->function_call)(
        f->g.instance, &f->function, &f->called.type, values, &f->g.failure);
}

wsb_engine_result fiber_resume(fiber_guest *f)
{
    return ops->function_resume(f->g.instance, &f->g.failure);
}

wsb_engine_result fiber_finish(fiber_guest *f, wsb_engine_result result)
{
    while (result == WSB_ENGINE_SUSPENDED || result == WSB_ENGINE_YIELDED)
        result = fiber_resume(f);
    return result;
}

typedef struct elsewhere {
    fiber_guest *f;
    wsb_engine_result result;
} elsewhere;

static void *resume_there(void *data)
{
    elsewhere *there = data;
    there->result = fiber_resume(there->f);
    return NULL;
}

wsb_engine_result fiber_resume_elsewhere(fiber_guest *f)
{
    pthread_t thread;
    elsewhere there = {f, WSB_ENGINE_FAILED};
    assert_int_equal(pthread_create(&thread, NULL, resume_there, &there), 0);
    pthread_join(thread, NULL);
    return there.result;
}
