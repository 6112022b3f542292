/* A fake engine for tests: fast, instrumented by sanitizers (real engines are not), and failing on
 * demand. It implements wsb_runtime_ops fully and enforces what it declares, but ignores the
 * guest's code: what an export does is written in a custom section named "fake", a line an
 * export, "name: behaviour arguments"; an export without a line behaves as its own name says, so
 * `(export "trap unreachable" (func 0))` needs no section.
 *
 *   nop                  results are zero
 *   const N              the first result is N
 *   add                  the sum of the parameters (all i32, or all i64)
 *   echo                 the results are the parameters
 *   load                 (address) -> the byte there
 *   store                (address, byte): traps out of bounds as a real guest
 *   grow [PAGES]         memory.grow by PAGES or by the parameter -> pages before, or -1. Refusals
 *                        are counted where the library asks for it: in the exported global that
 *                        it adds to modules whose code really has a memory.grow
 *   growtable [N]        table.grow likewise
 *   trap KIND            one of WSB_TRAP_MAP's texts
 *   recurse BYTES        uses so much stack: beyond max_stack it traps
 *   fuel N               uses N units of fuel
 *   spin                 runs until it is interrupted, or out of fuel (1 unit a round)
 *   callhost IMPORT      calls the import of that index with its own parameters
 *   sleephost IMPORT     the same again and again, until it is interrupted
 *
 * An engine that is made with `fibers` runs at most so many calls at once, suspended ones counted;
 * one more ends with POOL_EXHAUSTED before its guest has begun. There a host function may be
 * pending (its guest is SUSPENDED, and a resume goes on with `callhost` or `sleephost` where it
 * was, with the same values), unless its import has `never_waits`. Where a guest looks for an
 * interrupt (on entry, in `spin`, behind each call of the host) and is not to stop, it asks
 * `should_yield`. On an engine without `fibers`, pending traps as any other result does. Resuming
 * what is not suspended, or calling what is, is FAILED.
 */
#ifndef WSB_TESTS_FAKE_ENGINE_H
#define WSB_TESTS_FAKE_ENGINE_H

#include <wasm_sandbox/plugin/engine.h>

/* Its id is "fake". Static. */
const wsb_runtime_ops *wsb_fake_engine_ops(void);

/* The same as "fake-small", an engine without DEADLINE, FUEL, MEMORY_LIMIT and TABLE_LIMIT, pool,
 * fibers, references and vectors: those functions are NULL, the options ignored. Its guests do what
 * the library's rewriting makes of them: they take from the global "wsb:budget" (1 for entering, 1
 * a round of `spin`, N for `fuel N`), call the tick (the last import) when it is used up, and look
 * at "wsb:memory_limit" and "wsb:table_limit". Static. */
const wsb_runtime_ops *wsb_fake_small_engine_ops(void);

/* Lets the `nth` call from now (1: the next) of an operation of wsb_runtime_ops fail with
 * `result`, once; those that return bool answer false. `nth` 0 takes it back. The operation is
 * one of engine_create, module_compile, module_serialize, module_deserialize, link,
 * instance_create, export_get, function_call, function_resume, memory_grow. False for any other. */
bool wsb_fake_engine_fail(const char *operation, unsigned nth, wsb_engine_result result);

/* What exists at this moment, of all engines of the process. */
typedef struct wsb_fake_engine_counts {
    long engines;
    long modules;
    long links;
    long instances;
    long calls;     /* function_call() so far */
    long resumes;   /* function_resume() so far */
    long suspended; /* calls that wait for function_resume() */
} wsb_fake_engine_counts;

wsb_fake_engine_counts wsb_fake_engine_live(void);

#endif
