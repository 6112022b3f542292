/**
 * @file plugin/engine.h
 * What an engine backend implements. For implementers: a weaker promise than the rest, versioned
 * by WSB_ENGINE_ABI_VERSION.
 *
 * A backend compiles, instantiates, calls, limits and interrupts. It knows nothing of
 * capabilities, WASI, conventions or deadlines: those are the library's, the same on every
 * engine. It needs nothing from the library either: a shared object with one entry symbol
 * (WSB_ENGINE_ENTRY_SYMBOL) that includes this header is complete.
 *
 * Modules reach the backend scanned and transformed (docs/internals/module.md): valid, within
 * bounds, without a start section, at most one memory. Only modules whose imports are all functions
 * are linked. They need only proposals that `features` has.
 *
 * A small backend leaves DEADLINE, FUEL, MEMORY_LIMIT and TABLE_LIMIT out of its `features`: its
 * modules are then rewritten so that they count and ask the library themselves, through one more
 * import and a few globals ("wsb:…" exports), which the backend treats like any other.
 *
 * Threads: an engine and its modules are shared by all threads; an instance is used by one
 * thread at a time. `engine_interrupt` comes from any thread at any time.
 */
#ifndef WASM_SANDBOX_PLUGIN_ENGINE_H
#define WASM_SANDBOX_PLUGIN_ENGINE_H

#include <wasm_sandbox/host_function.h>
#include <wasm_sandbox/runtime.h>
#include <wasm_sandbox/value.h>

WSB_BEGIN_DECLS

/** For `wsb_runtime_ops.abi_version`. */
#define WSB_ENGINE_ABI_VERSION 2u

/** How a backend's function ended. Everything but OK fills the wsb_engine_failure. */
typedef enum wsb_engine_result {
    WSB_ENGINE_OK = 0,
    WSB_ENGINE_FAILED = 1,      /**< the engine refused or broke: `message` */
    WSB_ENGINE_TRAPPED = 2,     /**< the guest trapped: `trap`, `message`, `backtrace` */
    WSB_ENGINE_HOST_TRAP = 3,   /**< a host function returned WSB_HOST_TRAP */
    WSB_ENGINE_INTERRUPTED = 4, /**< `should_stop` said so */
    WSB_ENGINE_NO_FUEL = 5,
    WSB_ENGINE_UNSUPPORTED_BY_ENGINE = 6, /**< the engine cannot do this: `message` */
    WSB_ENGINE_POOL_EXHAUSTED = 7,        /**< the pool is full or the module does not fit it */
    WSB_ENGINE_LIMIT = 8,                 /**< the memory's or table's minimum exceeds the limit */
    WSB_ENGINE_SUSPENDED = 9, /**< FIBERS. A host function is pending: function_resume() goes on */
    WSB_ENGINE_YIELDED = 10   /**< FIBERS. `should_yield` said so: function_resume() goes on */
} wsb_engine_result;

/** Traps, by the names of the specification's tests. */
#define WSB_TRAP_MAP(X)                                                                            \
    X(UNKNOWN, 0, "unknown")                                                                       \
    X(UNREACHABLE, 1, "unreachable")                                                               \
    X(MEMORY_OUT_OF_BOUNDS, 2, "memory_out_of_bounds")                                             \
    X(TABLE_OUT_OF_BOUNDS, 3, "table_out_of_bounds")                                               \
    X(NULL_CALL, 4, "indirect_call_to_null")                                                       \
    X(SIGNATURE_MISMATCH, 5, "signature_mismatch")                                                 \
    X(INTEGER_OVERFLOW, 6, "integer_overflow")                                                     \
    X(DIVISION_BY_ZERO, 7, "division_by_zero")                                                     \
    X(BAD_CONVERSION, 8, "bad_conversion_to_integer")                                              \
    X(STACK_OVERFLOW, 9, "stack_overflow")                                                         \
    X(NULL_REFERENCE, 10, "null_reference")                                                        \
    X(UNCAUGHT_EXCEPTION, 11, "uncaught_exception")

/** Which trap ended a guest. */
typedef enum wsb_trap {
#define WSB_TRAP_ENUM(name, value, text) WSB_TRAP_##name = (value),
    WSB_TRAP_MAP(WSB_TRAP_ENUM)
#undef WSB_TRAP_ENUM
} wsb_trap;

/** Filled by the backend on failure only; the library gives it empty texts ("": only the first
 * byte is sure to be 0). */
typedef struct wsb_engine_failure {
    wsb_trap trap;
    char message[512];    /**< UTF-8, terminated, the engine's own words */
    char backtrace[2048]; /**< terminated; a line a frame, innermost first: "name @ 0xoffset" */
} wsb_engine_failure;

/** One variant of an engine: what is the same for all of its modules and instances. */
typedef struct wsb_engine_options {
    size_t size;
    bool fuel;               /**< meter fuel */
    uint64_t max_stack;      /**< bytes of guest stack */
    uint64_t pool_instances; /**< 0: no pool; else a pool of so many (with more `fibers`, rather of
                                  as many as these), or POOL_EXHAUSTED when it cannot be made */
    bool avoid_signals;
    /** FIBERS. 0: an ordinary engine. Else every guest of it runs on a stack of its own, at most so
     * many at once, and calls can be suspended; FAILED (with the reason) where the system does not
     * allow so many. A call that finds all of them in use (suspended ones are) ends with
     * POOL_EXHAUSTED before its guest has begun. */
    uint64_t fibers;
} wsb_engine_options;

/** A host function as the engine calls it. `context` is the instance's `host`, `caller` is passed
 * back to memory_get() and the like while this call lasts; `values` as wsb_raw_host_fn, with
 * references as the host's pointers. */
typedef wsb_host_result (*wsb_engine_host_fn)(void *data, void *context, void *caller,
                                              wsb_raw_value *values);

/** One import, in the order of the module's import section. Borrowed until unlinked. */
typedef struct wsb_engine_import {
    wsb_str module;
    wsb_str name;
    wsb_function_type type;
    wsb_engine_host_fn call;
    void *data;
    /** FIBERS. It never returns WSB_HOST_PENDING. The others do, on an engine with `fibers`: the
     * guest is then suspended in it, and `values` stay where they are. */
    bool never_waits;
} wsb_engine_import;

/** What an instance is made with. */
typedef struct wsb_engine_instance_options {
    size_t size;
    uint64_t max_memory;         /**< bytes, WSB_UNLIMITED: none. With MEMORY_LIMIT */
    uint64_t max_table_elements; /**< of all tables, the same. With TABLE_LIMIT */
    void *host;                  /**< handed to host functions and `should_stop` */
    /** DEADLINE. Asked on the guest's thread after engine_interrupt(): true ends the guest with
     * WSB_ENGINE_INTERRUPTED, false lets it go on until the next interrupt. */
    bool (*should_stop)(void *host);
    /** FIBERS. Asked after `should_stop` said false: true suspends the guest with
     * WSB_ENGINE_YIELDED. */
    bool (*should_yield)(void *host);
    /** FIBERS. Continues the host function that is pending, on the guest's stack, when
     * function_resume() is called: with the same `caller` and `values` as it had. DONE, TRAP, or
     * PENDING again. */
    wsb_host_result (*resume)(void *host, void *caller, wsb_raw_value *values);
} wsb_engine_instance_options;

/** Storage for a backend's handle of a function, memory or global: opaque to the library. */
typedef struct wsb_engine_handle {
    uint64_t words[4];
} wsb_engine_handle;

/**
 * The engine's functions. `static const` in the backend; append-only. All members must be set,
 * except those of a feature that `features` leaves out, which may be NULL.
 *
 * `out_failure` is never NULL. Objects are the backend's own pointers; the library destroys
 * instances before links, links before modules, modules before engines.
 */
typedef struct wsb_runtime_ops {
    size_t size;
    uint32_t abi_version; /**< WSB_ENGINE_ABI_VERSION */
    const char *id;       /**< [a-z0-9_-]+ */
    const char *version;  /**< of the engine; part of the code cache's key */
    uint32_t features;    /**< wsb_engine_feature bits: what the engine itself really does */

    wsb_engine_result (*engine_create)(const wsb_engine_options *options, void **out_engine,
                                       wsb_engine_failure *out_failure);
    void (*engine_destroy)(void *engine);
    /** DEADLINE. Makes every running guest of this engine ask its `should_stop` soon.
     * [thread-safe], async-signal-safe, cheap. */
    void (*engine_interrupt)(void *engine);

    /** `bytes` are borrowed for the call. [thread-safe] */
    wsb_engine_result (*module_compile)(void *engine, wsb_bytes bytes, void **out_module,
                                        wsb_engine_failure *out_failure);
    void (*module_destroy)(void *module);
    /** SERIALIZE. `emit` is called once with the bytes. */
    wsb_engine_result (*module_serialize)(void *module,
                                          void (*emit)(wsb_bytes bytes, void *user_data),
                                          void *user_data, wsb_engine_failure *out_failure);
    /** SERIALIZE. The bytes were authenticated. They come from an engine of the same version
     * whose options differ at most in `pool_instances` and `fibers`. */
    wsb_engine_result (*module_deserialize)(void *engine, wsb_bytes bytes, void **out_module,
                                            wsb_engine_failure *out_failure);

    /** Resolves the imports once for many instances. `imports` lives until unlink(). */
    wsb_engine_result (*link)(void *engine, void *module, const wsb_engine_import *imports,
                              size_t import_count, void **out_link,
                              wsb_engine_failure *out_failure);
    void (*unlink)(void *link);

    wsb_engine_result (*instance_create)(void *link, const wsb_engine_instance_options *options,
                                         void **out_instance, wsb_engine_failure *out_failure);
    void (*instance_destroy)(void *instance);
    /** FUEL. Sets what is left, before a call. */
    void (*instance_set_fuel)(void *instance, uint64_t fuel);
    /** FUEL. What is left, after a call. */
    uint64_t (*instance_get_fuel)(void *instance);

    /** The export of that name and kind; false where there is none. Handles live as long as the
     * instance. */
    bool (*export_get)(void *instance, wsb_str name, wsb_extern_kind kind,
                       wsb_engine_handle *out_handle);

    /** `values` has room for the larger of parameters and results; types were checked, and none
     * is a reference. `type` is the function's. On the caller's stack. The path of every call. */
    wsb_engine_result (*function_call)(void *instance, const wsb_engine_handle *function,
                                       const wsb_function_type *type, wsb_raw_value *values,
                                       wsb_engine_failure *out_failure);

    /** Base and size (bytes) now. `caller` is NULL outside of host functions. */
    void (*memory_get)(void *instance, void *caller, const wsb_engine_handle *memory,
                       uint8_t **out_base, uint64_t *out_size);
    /** Grows by `pages` of 64 KiB; false where refused. Not while the guest runs. The library asks
     * for no more than max_memory allows. */
    bool (*memory_grow)(void *instance, const wsb_engine_handle *memory, uint64_t pages);

    /** REFERENCES. The same where the signature has references. */
    wsb_engine_result (*function_call_references)(void *instance, const wsb_engine_handle *function,
                                                  const wsb_function_type *type,
                                                  wsb_raw_value *values,
                                                  wsb_engine_failure *out_failure);

    /** Globals of numeric and vector types. */
    void (*global_get)(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                       wsb_raw_value *out_value);
    void (*global_set)(void *instance, const wsb_engine_handle *global, wsb_value_type type,
                       const wsb_raw_value *value);

    /** FIBERS. Goes on with the call that ended with SUSPENDED or YIELDED, on any thread; ends as
     * function_call() does. Until it ends, `type` and `values` given to function_call() stay
     * valid, and nothing else of the instance is called but this, instance_destroy() (which drops
     * the guest's stack without running the guest any further), and memory_get() and the globals'
     * functions from within host functions. */
    wsb_engine_result (*function_resume)(void *instance, wsb_engine_failure *out_failure);
} wsb_runtime_ops;

/** The one symbol that an engine's shared object exports: `const wsb_runtime_ops
 * *wsb_engine_entry(void)`. Called once. */
#define WSB_ENGINE_ENTRY_SYMBOL "wsb_engine_entry"
typedef const wsb_runtime_ops *(*wsb_engine_entry_fn)(void);

/**
 * Registers an engine under `ops->id`.
 *
 * @param ops  Borrowed; must outlive every runtime made with it (it is static).
 * @return WSB_ERROR_ABI_MISMATCH (another ABI version, or a missing member: named),
 *         WSB_ERROR_INVALID_ARGUMENT (the id), WSB_ERROR_ALREADY_EXISTS.
 */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_factory_register(wsb_runtime_factory *factory,
                                                              const wsb_runtime_ops *ops,
                                                              wsb_error **out_error);

/**
 * Makes an engine's table when somebody first needs it.
 *
 * @param out_ops  Borrowed; must outlive every runtime made with it.
 * @return any status; where it is not WSB_OK, the engine is listed as not available, with the
 *         message and suggestion of `out_error` (wsb_error_set() makes one).
 */
typedef wsb_status (*wsb_engine_constructor_fn)(void *user_data, const wsb_runtime_ops **out_ops,
                                                wsb_error **out_error);

/**
 * Registers an engine by name with its constructor. It is called at most once, by
 * wsb_runtime_factory_info() or by creating a runtime with the engine, and what it makes is
 * checked then, as wsb_runtime_factory_register() checks it.
 *
 * @param id  [a-z0-9_-]+, the `id` of the table that it will make. Copied.
 * @param destroy_user_data  called with `user_data` when the factory is destroyed; may be NULL.
 *        Takes ownership on success only.
 * @return WSB_ERROR_INVALID_ARGUMENT (the id, or no constructor), WSB_ERROR_ALREADY_EXISTS.
 */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_factory_register_constructor(
    wsb_runtime_factory *factory, wsb_str id, wsb_engine_constructor_fn construct, void *user_data,
    void (*destroy_user_data)(void *user_data), wsb_error **out_error);

/** Registers an engine whose shared object is loaded when first needed. A file that is missing
 * then is reported by wsb_runtime_factory_info() and by creating a runtime. Copied. */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_factory_register_file(wsb_runtime_factory *factory,
                                                                   wsb_str id, wsb_str path,
                                                                   wsb_error **out_error);

WSB_END_DECLS

#endif
