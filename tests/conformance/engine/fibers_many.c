/* FIBERS: guests that yield, that are dropped, and many of them at once. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "fibers.h"

/* Interrupts an engine until told to stop. */
typedef struct interrupter {
    void *engine;
    atomic_bool stop;
    pthread_t thread;
} interrupter;

static void *interrupt(void *data)
{
    interrupter *self = data;
    while (!atomic_load(&self->stop)) {
        ops->engine_interrupt(self->engine);
        sched_yield();
    }
    return NULL;
}

static void interrupter_start(interrupter *self, void *engine)
{
    self->engine = engine;
    atomic_init(&self->stop, false);
    assert_int_equal(pthread_create(&self->thread, NULL, interrupt, self), 0);
}

static void interrupter_stop(interrupter *self)
{
    atomic_store(&self->stop, true);
    pthread_join(self->thread, NULL);
}

static void test_yields(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(DEADLINE);
    fiber_guest f;
    interrupter other;
    fiber_init(&f);
    fiber_open(&f);
    atomic_store(&f.host.yield, true);
    interrupter_start(&other, f.g.engine);
    assert_int_equal(fiber_call(&f, "spin", ":", NULL), WSB_ENGINE_YIELDED);
    for (int i = 0; i < 50; i++)
        assert_int_equal(i % 5 ? fiber_resume(&f) : fiber_resume_elsewhere(&f), WSB_ENGINE_YIELDED);
    /* Both are asked: the one that ends it first. */
    atomic_store(&f.host.state.stop, true);
    assert_int_equal(fiber_resume_elsewhere(&f), WSB_ENGINE_INTERRUPTED);
    assert_int_not_equal(f.g.failure.message[0], '\0');
    atomic_store(&f.host.state.stop, false);
    interrupter_stop(&other);
    wsb_raw_value values[1] = {{.i64 = 100000}};
    ASSERT_OK(&f.g, fiber_finish(&f, fiber_call(&f, "count", "I:I", values)));
    assert_int_equal(values[0].i64, 100000);
    fiber_close(&f);
}

/* What a guest computes is the same however often it yields, and others may run meanwhile. */
static void test_yields_disturb_nothing(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(DEADLINE);
    fiber_guest f;
    interrupter other;
    fiber_host host = {.pending = 1};
    void *sibling = NULL;
    fiber_init(&f);
    fiber_open(&f);
    ASSERT_OK(&f.g, fiber_instantiate(&f, &host, &sibling));
    atomic_store(&f.host.yield, true);
    interrupter_start(&other, f.g.engine);
    wsb_raw_value values[1] = {{.i64 = 3000000}};
    wsb_engine_result result = fiber_call(&f, "count", "I:I", values);
    long yields = 0;
    while (result == WSB_ENGINE_YIELDED) {
        wsb_raw_value sums[2] = {{.i32 = 20}, {.i32 = 22}};
        wsb_engine_failure failure = {0};
        assert_int_equal(instance_call(sibling, "add", "ii:i", sums, &failure), WSB_ENGINE_OK);
        assert_int_equal(sums[0].i32, 42);
        yields++;
        result = yields % 16 ? fiber_resume(&f) : fiber_resume_elsewhere(&f);
    }
    interrupter_stop(&other);
    ASSERT_OK(&f.g, result);
    assert_int_equal(values[0].i64, 3000000);
    assert_true(atomic_load(&f.host.yielded) >= yields);
    ops->instance_destroy(sibling);
    fiber_close(&f);
}

/* An interrupt while it waits is seen when it goes on. */
static void test_stopped_while_it_waits(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(DEADLINE);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    wsb_raw_value values[1] = {{.i32 = 1}};
    assert_int_equal(fiber_call(&f, "spin_after", "i:", values), WSB_ENGINE_SUSPENDED);
    atomic_store(&f.host.state.stop, true);
    ops->engine_interrupt(f.g.engine);
    assert_int_equal(fiber_resume_elsewhere(&f), WSB_ENGINE_INTERRUPTED);
    fiber_close(&f);
}

/* Its stack goes, and the guest runs no further; nothing is left of it. */
static void test_dropped(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    for (int pooled = 0; pooled < (declares(WSB_ENGINE_POOLING) ? 2 : 1); pooled++) {
        fiber_guest f;
        fiber_host host = {.pending = 1};
        long before = 0;
        fiber_init(&f);
        f.g.options.fibers = 1;
        f.g.options.pool_instances = pooled ? 2 : 0;
        fiber_open(&f);
        for (int i = 0; i < 1000; i++) {
            void *instance = NULL;
            wsb_engine_failure failure = {0};
            wsb_raw_value values[1] = {{.i32 = i % 10 ? 3 : 2000}};
            if (i == 100)
                before = resident_bytes();
            ASSERT_OK(&f.g, fiber_instantiate(&f, &host, &instance));
            assert_int_equal(instance_call(instance, "at_depth", "i:i", values, &failure),
                             WSB_ENGINE_SUSPENDED);
            ops->instance_destroy(instance);
        }
        assert_int_equal(host.resumes, 0);
        assert_true(resident_bytes() - before < 4 * (long)WSB_MIB);
        fiber_close(&f);
    }
}

/* What guests used of their stacks goes back when they go, also where the stacks are kept. */
static void run_deep(uint64_t pool_instances)
{
    enum { GUESTS = 256 };
    fiber_guest f;
    void *instances[GUESTS];
    long before = 0;
    fiber_init(&f);
    f.g.options.fibers = GUESTS;
    f.g.options.pool_instances = pool_instances;
    fiber_open(&f);
    for (int round = 0; round < 2; round++) {
        fiber_host host = {.pending = 0};
        for (int i = 0; i < GUESTS; i++) {
            wsb_engine_failure failure = {0};
            wsb_raw_value values[1] = {{.i32 = round ? (int32_t)(TEST_STACK / 64 / 2) : 1}};
            ASSERT_OK(&f.g, fiber_instantiate(&f, &host, &instances[i]));
            assert_int_equal(instance_call(instances[i], "at_depth", "i:i", values, &failure),
                             WSB_ENGINE_OK);
        }
        for (int i = 0; i < GUESTS; i++)
            ops->instance_destroy(instances[i]);
        if (round == 0)
            before = resident_bytes();
    }
    assert_true(resident_bytes() - before < GUESTS * (long)TEST_STACK / 8);
    fiber_close(&f);
}

static void test_stacks_are_given_back(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    run_deep(0);
    if (declares(WSB_ENGINE_POOLING))
        run_deep(300);
}

static void test_dropped_when_yielded(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(DEADLINE);
    fiber_guest f;
    fiber_init(&f);
    fiber_open(&f);
    for (int i = 0; i < 100; i++) {
        fiber_host host = {.pending = 1};
        void *instance = NULL;
        wsb_engine_failure failure = {0};
        ASSERT_OK(&f.g, fiber_instantiate(&f, &host, &instance));
        atomic_store(&host.yield, true);
        ops->engine_interrupt(f.g.engine);
        assert_int_equal(instance_call(instance, "spin", ":", NULL, &failure), WSB_ENGINE_YIELDED);
        long asked = atomic_load(&host.state.asked);
        ops->instance_destroy(instance);
        assert_int_equal(atomic_load(&host.state.asked), asked);
    }
    fiber_close(&f);
}

enum { MANY = 1000, THREADS = 4 };

/* One of many guests; a thread takes its turn with it while it holds the lock. */
typedef struct member {
    fiber_host host;
    void *instance;
    signature type;
    wsb_engine_handle function;
    wsb_raw_value values[1];
    wsb_engine_result result;
} member;

static wsb_engine_result begin(member *m, int32_t argument)
{
    wsb_engine_failure failure = {0};
    signature_parse(&m->type, "i:i");
    m->values[0].i32 = argument;
    assert_true(ops->export_get(m->instance, wsb_cstr("mix"), WSB_EXTERN_FUNCTION, &m->function));
    m->result = ops->function_call(m->instance, &m->function, &m->type.type, m->values, &failure);
    return m->result;
}

typedef struct crowd {
    member *members;
    pthread_mutex_t lock;
    int queue[MANY]; /* of those that are suspended */
    int first;
    int count;
    atomic_int running; /* whose calls have not ended */
} crowd;

static int take(crowd *c)
{
    int index = -1;
    pthread_mutex_lock(&c->lock);
    if (c->count > 0) {
        index = c->queue[c->first];
        c->first = (c->first + 1) % MANY;
        c->count--;
    }
    pthread_mutex_unlock(&c->lock);
    return index;
}

static void give(crowd *c, int index)
{
    pthread_mutex_lock(&c->lock);
    c->queue[(c->first + c->count++) % MANY] = index;
    pthread_mutex_unlock(&c->lock);
}

/* A step of whoever is next, until all have ended: each guest wanders over all threads. */
static void *step_all(void *data)
{
    crowd *c = data;
    while (atomic_load(&c->running) > 0) {
        int index = take(c);
        if (index < 0) {
            sched_yield();
            continue;
        }
        member *m = &c->members[index];
        wsb_engine_failure failure = {0};
        m->result = ops->function_resume(m->instance, &failure);
        if (m->result == WSB_ENGINE_SUSPENDED || m->result == WSB_ENGINE_YIELDED)
            give(c, index);
        else
            atomic_fetch_sub(&c->running, 1);
    }
    return NULL;
}

static void open_members(fiber_guest *f, crowd *c)
{
    c->members = calloc(MANY, sizeof *c->members);
    assert_non_null(c->members);
    pthread_mutex_init(&c->lock, NULL);
    for (int i = 0; i < MANY; i++) {
        member *m = &c->members[i];
        m->host.pending = 1 + i % 3;
        atomic_init(&m->host.yield, true);
        ASSERT_OK(&f->g, fiber_instantiate(f, &m->host, &m->instance));
        assert_int_equal(begin(m, 1 + i % 7), WSB_ENGINE_SUSPENDED);
        give(c, i);
    }
    atomic_init(&c->running, MANY);
}

static void close_members(crowd *c)
{
    for (int i = 0; i < MANY; i++) {
        member *m = &c->members[i];
        int32_t n = 1 + i % 7;
        assert_int_equal(m->result, WSB_ENGINE_OK);
        assert_int_equal(m->values[0].i32, n * (n + 1) / 2 + n);
        assert_int_equal(m->host.resumes, 2 * n * m->host.pending);
        assert_int_equal(atomic_load(&m->host.wrong), 0);
        ops->instance_destroy(m->instance);
    }
    pthread_mutex_destroy(&c->lock);
    free(c->members);
}

/* All suspended at once; one more finds no stack, and is told so before it has begun. */
static void run_crowd(uint64_t pool_instances)
{
    fiber_guest f;
    crowd c = {.first = 0};
    interrupter other;
    pthread_t threads[THREADS];
    fiber_init(&f);
    f.g.options.fibers = MANY;
    f.g.options.pool_instances = pool_instances;
    fiber_open(&f);
    open_members(&f, &c);
    wsb_raw_value values[1] = {{.i32 = 5}};
    assert_int_equal(fiber_call(&f, "wait", "i:i", values), WSB_ENGINE_POOL_EXHAUSTED);
    assert_int_not_equal(f.g.failure.message[0], '\0');
    assert_null(f.host.caller);
    assert_int_equal(values[0].i32, 5);
    interrupter_start(&other, f.g.engine);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, step_all, &c), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    interrupter_stop(&other);
    ASSERT_OK(&f.g, fiber_finish(&f, fiber_call(&f, "wait", "i:i", values)));
    close_members(&c);
    fiber_close(&f);
}

static void test_many(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(DEADLINE);
    run_crowd(0);
}

static void test_many_in_pool(void **state)
{
    (void)state;
    NEEDS(FIBERS);
    NEEDS(DEADLINE);
    NEEDS(POOLING);
    run_crowd(MANY + 1);
}

int run_fiber_many_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yields),
        cmocka_unit_test(test_yields_disturb_nothing),
        cmocka_unit_test(test_stopped_while_it_waits),
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_dropped_when_yielded),
        cmocka_unit_test(test_stacks_are_given_back),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_in_pool),
    };
    return cmocka_run_group_tests_name("fibers: many", tests, NULL, NULL);
}
