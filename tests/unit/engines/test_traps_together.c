/* All engines in one process, trapping on several threads at once and inside each other's host
 * functions, loaded in several orders, with a host that has signal handlers of its own.
 * Engines are never unloaded, so each order gets a process of its own. wsb-test: engines */
#include "unit/engines/engines_test.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 4 };

typedef enum handlers { NO_HANDLERS, HANDLERS_BEFORE, HANDLERS_AFTER } handlers;

typedef struct party {
    engine_list engines; /* in the order in which they are loaded */
    wsb_runtime *runtimes[MAX_ENGINES];
    wsb_module *traps[MAX_ENGINES];
    wsb_module *throws[MAX_ENGINES]; /* NULL where the engine knows no exceptions */
    wsb_module *calls_out[MAX_ENGINES];
} party;

/* In a child there is no cmocka: what is wrong is said and ends it. */
#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void expect_trap(wsb_module *module, const char *engine, const trap_case *which)
{
    wsb_instance *instance = NULL;
    wsb_function *function = NULL;
    wsb_error *error = NULL;
    wsb_status status = wsb_instance_create(module, NULL, &instance, &error);
    EXPECT(status == WSB_OK, "%s: %s", engine, wsb_error_message(error));
    status = wsb_instance_function(instance, wsb_cstr(which->function), &function, &error);
    EXPECT(status == WSB_OK, "%s: %s", engine, wsb_error_message(error));
    status = wsb_function_call(function, NULL, 0, NULL, 0, &error);
    EXPECT(status == WSB_ERROR_TRAP, "%s, %s: %s %s", engine, which->function,
           wsb_status_name(status), wsb_error_message(error));
    EXPECT(strcmp(wsb_error_trap(error), which->trap) == 0, "%s, %s: %s, %s", engine,
           which->function, wsb_error_trap(error), wsb_error_message(error));
    wsb_error_destroy(error);
    wsb_instance_destroy(instance);
}

static void expect_all_traps(const party *p, size_t engine)
{
    static const trap_case thrown = {"throw", "uncaught_exception"};
    for (size_t i = 0; i < TRAP_CASES; i++) {
        expect_trap(p->traps[engine], p->engines.ids[engine], &trap_cases[i]);
    }
    if (p->throws[engine]) {
        expect_trap(p->throws[engine], p->engines.ids[engine], &thrown);
    }
}

/* Every thread goes through all engines, each beginning at another. */
static void *trap_on_thread(void *data)
{
    static _Atomic size_t next;
    const party *p = data;
    size_t first = atomic_fetch_add(&next, 1);
    for (size_t i = 0; i < ROUNDS * p->engines.count; i++) {
        expect_all_traps(p, (first + i) % p->engines.count);
    }
    return NULL;
}

typedef struct inner {
    const party *party;
    size_t engine;
} inner;

/* A host function of one engine's guest, in which all of another engine's traps happen. */
static wsb_host_result trap_inside(wsb_call_context *context, wsb_raw_value *values, void *data)
{
    const inner *self = data;
    (void)context;
    expect_all_traps(self->party, self->engine);
    values[0].i32 += 1;
    return WSB_HOST_DONE;
}

static void trap_in_each_other(const party *p, size_t outer, size_t engine)
{
    static const wsb_value_type i32 = WSB_I32;
    inner data = {p, engine};
    wsb_host_function function = WSB_HOST_FUNCTION_INIT;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    wsb_instance *instance = NULL;
    wsb_function *go = NULL;
    wsb_error *error = NULL;
    function.module = wsb_cstr("env");
    function.name = wsb_cstr("inside");
    function.params = function.results = &i32;
    function.param_count = function.result_count = 1;
    function.call_raw = trap_inside;
    function.user_data = &data;
    EXPECT(wsb_imports_create(&config.imports, NULL) == WSB_OK, "no imports");
    EXPECT(wsb_imports_define(config.imports, &function, NULL) == WSB_OK, "no function");
    wsb_status status = wsb_instance_create(p->calls_out[outer], &config, &instance, &error);
    EXPECT(status == WSB_OK, "%s: %s", p->engines.ids[outer], wsb_error_message(error));
    EXPECT(wsb_instance_function(instance, wsb_cstr("go"), &go, NULL) == WSB_OK, "no go");
    wsb_raw_value values[1] = {{.i32 = 40}};
    status = wsb_function_call_raw(go, values, 1, &error);
    EXPECT(status == WSB_OK && values[0].i32 == 42, "%s inside %s: %s, %d", p->engines.ids[engine],
           p->engines.ids[outer], wsb_error_message(error), values[0].i32);
    wsb_instance_destroy(instance);
    wsb_imports_destroy(config.imports);
}

static wsb_module *compile_for(wsb_runtime *runtime, const char *text)
{
    wsb_module *module = NULL;
    wsb_error *error = NULL;
    wsb_status status =
        wsb_module_compile(runtime, wsb_bytes_of(text, strlen(text)), NULL, &module, &error);
    EXPECT(status == WSB_OK, "%s", wsb_error_message(error));
    return module;
}

static void open_party(party *p)
{
    static const char calls_out[] =
        "(module (import \"env\" \"inside\" (func $f (param i32) (result i32)))"
        " (func (export \"go\") (param i32) (result i32)"
        "  (i32.add (call $f (local.get 0)) (i32.const 1))))";
    for (size_t i = 0; i < p->engines.count; i++) {
        wsb_error *error = NULL;
        wsb_status status =
            wsb_runtime_create(wsb_cstr(p->engines.ids[i]), NULL, &p->runtimes[i], &error);
        EXPECT(status == WSB_OK, "%s", wsb_error_message(error));
        p->traps[i] = compile_for(p->runtimes[i], TRAP_GUEST);
        p->calls_out[i] = compile_for(p->runtimes[i], calls_out);
        p->throws[i] = engine_has(p->runtimes[i], WSB_ENGINE_EXCEPTIONS)
                           ? compile_for(p->runtimes[i], THROW_GUEST)
                           : NULL;
        /* Whenever it takes its signals, now it has. */
        expect_all_traps(p, i);
    }
}

static void close_party(party *p)
{
    for (size_t i = 0; i < p->engines.count; i++) {
        wsb_module_destroy(p->traps[i]);
        wsb_module_destroy(p->calls_out[i]);
        wsb_module_destroy(p->throws[i]);
        wsb_runtime_destroy(p->runtimes[i]);
    }
}

/* The host's own handler: recovers from the host's own fault, hands the rest to whoever was there.
 */
static const int trap_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
enum { TRAP_SIGNALS = sizeof trap_signals / sizeof *trap_signals };
static struct sigaction before[TRAP_SIGNALS];
static char *forbidden; /* a page that nobody may touch */
static sigjmp_buf recover;

static void host_handler(int number, siginfo_t *info, void *context)
{
    if ((char *)info->si_addr == forbidden && number == SIGSEGV) {
        siglongjmp(recover, 1);
    }
    for (size_t i = 0; i < TRAP_SIGNALS; i++) {
        if (trap_signals[i] == number && (before[i].sa_flags & SA_SIGINFO) != 0) {
            before[i].sa_sigaction(number, info, context);
            return;
        }
    }
    _exit(99); /* a real crash */
}

static void install_handlers(void)
{
    struct sigaction action = {.sa_sigaction = host_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    forbidden = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(forbidden != MAP_FAILED, "no page");
    for (size_t i = 0; i < TRAP_SIGNALS; i++) {
        EXPECT(sigaction(trap_signals[i], &action, &before[i]) == 0, "no handler");
    }
}

/* A fault of the host itself still gets to the host. */
static void fault_in_host(void)
{
    if (sigsetjmp(recover, 1) == 0) {
        *(volatile char *)forbidden = 1;
        EXPECT(false, "no fault");
    }
}

static void child(party *p, handlers when)
{
    pthread_t threads[THREADS];
    if (when == HANDLERS_BEFORE) {
        install_handlers();
    }
    open_party(p);
    if (when == HANDLERS_AFTER) {
        install_handlers();
    }
    for (size_t i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, trap_on_thread, p) == 0, "no thread");
    }
    for (size_t i = 0; i < p->engines.count; i++) {
        for (size_t k = 0; k < p->engines.count; k++) {
            trap_in_each_other(p, i, k);
        }
    }
    if (when != NO_HANDLERS) {
        for (int i = 0; i < 3; i++) {
            fault_in_host();
            expect_all_traps(p, 0);
        }
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    close_party(p);
    _exit(0);
}

/* The order-th order of the engines, by the factorial number system. */
static party in_order(const engine_list *all, size_t order)
{
    party p = {.engines = *all};
    const char *left[MAX_ENGINES];
    memcpy(left, all->ids, sizeof left);
    for (size_t i = 0, count = all->count; i < all->count; i++, count--) {
        size_t at = order % count;
        order /= count;
        p.engines.ids[i] = left[at];
        memmove(&left[at], &left[at + 1], (count - at - 1) * sizeof *left);
    }
    return p;
}

static void in_every_order(handlers when)
{
    engine_list all;
    size_t orders = 1;
    read_engines(&all);
    for (size_t i = 2; i <= all.count && orders < 24; i++) {
        orders *= i;
    }
    for (size_t order = 0; order < orders; order++) {
        party p = in_order(&all, order);
        fflush(NULL);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            child(&p, when);
        }
        int ended = -1;
        assert_int_equal(waitpid(pid, &ended, 0), pid);
        if (ended != 0) {
            for (size_t i = 0; i < p.engines.count; i++) {
                print_error("%s ", p.engines.ids[i]);
            }
            fail_msg("in this order: ended with %d", ended);
        }
    }
}

static void engines_trap_together(void **state)
{
    (void)state;
    in_every_order(NO_HANDLERS);
}

static void engines_trap_where_the_host_had_handlers(void **state)
{
    (void)state;
    in_every_order(HANDLERS_BEFORE);
}

static void engines_trap_through_the_hosts_handlers(void **state)
{
    (void)state;
    in_every_order(HANDLERS_AFTER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines_trap_together),
        cmocka_unit_test(engines_trap_where_the_host_had_handlers),
        cmocka_unit_test(engines_trap_through_the_hosts_handlers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
