/* Many traps on many threads, many instances. */
#include <pthread.h>
#include <stdlib.h>

#include "conformance.h"

#define THREADS 4
#define TRAPS 1000

/* AddressSanitizer keeps freed memory back, so that it stays resident; it finds leaks itself. */
#ifdef __has_feature
#define ADDRESS_SANITIZER __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#else
#define ADDRESS_SANITIZER 0
#endif

typedef struct trapper {
    guest *g;
    unsigned seed;
    long wrong;
} trapper;

static void *run_traps(void *data)
{
    static const struct {
        const char *name;
        wsb_trap trap;
    } kinds[] = {
        {"unreachable", WSB_TRAP_UNREACHABLE},
        {"memory_out_of_bounds", WSB_TRAP_MEMORY_OUT_OF_BOUNDS},
        {"stack_overflow", WSB_TRAP_STACK_OVERFLOW},
        {"indirect_call_to_null", WSB_TRAP_NULL_CALL},
    };
    trapper *self = data;
    wsb_engine_failure failure = {0};
    wsb_function_type none = {NULL, 0, NULL, 0};
    void *instance = NULL;
    if (ops->instance_create(self->g->link, &self->g->limits, &instance, &failure)) {
        self->wrong = TRAPS;
        return NULL;
    }
    for (unsigned i = 0; i < TRAPS; i++) {
        wsb_engine_handle function;
        unsigned kind = (i + self->seed) % 4;
        if (!ops->export_get(instance, wsb_cstr(kinds[kind].name), WSB_EXTERN_FUNCTION,
                             &function) ||
            ops->function_call(instance, &function, &none, NULL, &failure) != WSB_ENGINE_TRAPPED ||
            failure.trap != kinds[kind].trap)
            self->wrong++;
    }
    ops->instance_destroy(instance);
    return NULL;
}

static void test_threads_trap(void **state)
{
    (void)state;
    guest g;
    pthread_t threads[THREADS];
    trapper trappers[THREADS];
    guest_init(&g);
    ASSERT_OK(&g, guest_load(&g, "traps"));
    for (unsigned i = 0; i < THREADS; i++) {
        trappers[i] = (trapper){&g, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_traps, &trappers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(trappers[i].wrong, 0);
    }
    guest_close(&g);
}

/* Each compiles for the one engine, and uses what it made beside what others make. */
static void *run_compiles(void *data)
{
    trapper *self = data;
    wsb_bytes bytes = guest_bytes("calls");
    for (int i = 0; i < 10; i++) {
        guest own = *self->g;
        wsb_raw_value values[2] = {{.i32 = i}, {.i32 = 1}};
        memset(&own.failure, 0, sizeof own.failure);
        if (ops->module_compile(own.engine, bytes, &own.module, &own.failure) != WSB_ENGINE_OK ||
            ops->link(own.engine, own.module, NULL, 0, &own.link, &own.failure) != WSB_ENGINE_OK ||
            guest_instantiate(&own, &own.instance) != WSB_ENGINE_OK ||
            guest_call(&own, "add", "ii:i", values) != WSB_ENGINE_OK || values[0].i32 != i + 1)
            self->wrong++;
        own.engine = NULL; /* the others' too */
        guest_close(&own);
    }
    free((void *)bytes.data);
    return NULL;
}

static void test_threads_compile(void **state)
{
    (void)state;
    guest g;
    pthread_t threads[THREADS];
    trapper compilers[THREADS];
    guest_init(&g);
    ASSERT_OK(&g, ops->engine_create(&g.options, &g.engine, &g.failure));
    for (unsigned i = 0; i < THREADS; i++) {
        compilers[i] = (trapper){&g, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_compiles, &compilers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(compilers[i].wrong, 0);
    }
    guest_close(&g);
}

/* A guest is used by one thread at a time, not always by the same. */
static void *run_elsewhere(void *data)
{
    trapper *self = data;
    wsb_raw_value values[2] = {{.i32 = (int32_t)self->seed}, {.i32 = 1}};
    wsb_engine_failure failure = {0};
    if (instance_call(self->g->instance, "add", "ii:i", values, &failure) != WSB_ENGINE_OK ||
        values[0].i32 != (int32_t)self->seed + 1)
        self->wrong++;
    return NULL;
}

static void *destroy_elsewhere(void *data)
{
    guest *g = data;
    ops->instance_destroy(g->instance);
    g->instance = NULL;
    return NULL;
}

static void on_a_thread(void *(*run)(void *), void *data)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, data), 0);
    pthread_join(thread, NULL);
}

static void test_threads_hand_over(void **state)
{
    (void)state;
    guest g;
    guest_init(&g);
    ASSERT_OK(&g, guest_load(&g, "calls"));
    for (unsigned i = 0; i < 50; i++) {
        trapper user = {&g, i, 0};
        ASSERT_OK(&g, guest_instantiate(&g, &g.instance));
        on_a_thread(run_elsewhere, &user);
        run_elsewhere(&user);
        on_a_thread(run_elsewhere, &user);
        on_a_thread(destroy_elsewhere, &g);
        assert_int_equal(user.wrong, 0);
    }
    guest_close(&g);
}

static void create_many(guest *g, int count)
{
    for (int i = 0; i < count; i++) {
        void *instance = NULL;
        wsb_raw_value values[2] = {{.i32 = i}, {.i32 = 1}};
        ASSERT_OK(g, guest_instantiate(g, &instance));
        ASSERT_OK(g, instance_call(instance, "add", "ii:i", values, &g->failure));
        assert_int_equal(values[0].i32, i + 1);
        ops->instance_destroy(instance);
    }
}

static void flat_memory(uint64_t pool)
{
    guest g;
    guest_init(&g);
    g.options.pool_instances = pool;
    ASSERT_OK(&g, guest_load(&g, "calls"));
    create_many(&g, 2000);
    long before = resident_bytes();
    create_many(&g, 8000);
    if (!ADDRESS_SANITIZER)
        assert_true(resident_bytes() - before < (long)WSB_MIB);
    guest_close(&g);
}

static void test_many_instances(void **state)
{
    (void)state;
    flat_memory(0);
}

static void test_many_pooled_instances(void **state)
{
    (void)state;
    NEEDS(POOLING);
    flat_memory(100);
}

static void test_many_engines(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        guest g;
        guest_init(&g);
        guest_open(&g, "calls");
        guest_close(&g);
    }
}

int run_load_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_trap),          cmocka_unit_test(test_threads_compile),
        cmocka_unit_test(test_threads_hand_over),     cmocka_unit_test(test_many_instances),
        cmocka_unit_test(test_many_pooled_instances), cmocka_unit_test(test_many_engines),
    };
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
