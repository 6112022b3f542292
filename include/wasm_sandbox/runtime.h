/**
 * @file runtime.h
 * A runtime: one engine, its compiled modules, and the watchdog that ends what runs too long.
 */
#ifndef WASM_SANDBOX_RUNTIME_H
#define WASM_SANDBOX_RUNTIME_H

#include <wasm_sandbox/error.h>
#include <wasm_sandbox/module.h>

WSB_BEGIN_DECLS

/**
 * What an engine can enforce and do; see wsb_engine_info.
 *
 * The first four an engine need not do itself: the library puts them into the modules of engines
 * that lack them (docs/internals/module.md), with the same meaning. The proposals say which
 * modules an engine can run; those that are not listed here every engine must have (mutable
 * globals, sign extension, saturating conversions, multi-value, bulk memory, reference types,
 * extended constants).
 */
typedef enum wsb_engine_feature {
    WSB_ENGINE_DEADLINE = 1 << 0,     /**< interrupts a running guest (wall and CPU time, cancel) */
    WSB_ENGINE_FUEL = 1 << 1,         /**< counts fuel and stops a guest that has none left */
    WSB_ENGINE_MEMORY_LIMIT = 1 << 2, /**< bounds the growth of memory */
    WSB_ENGINE_TABLE_LIMIT = 1 << 3,  /**< bounds the growth of tables */
    WSB_ENGINE_STACK_LIMIT = 1 << 4,  /**< bounds the stack that a guest uses */
    WSB_ENGINE_SERIALIZE = 1 << 5,    /**< compiled modules can be kept */
    WSB_ENGINE_POOLING = 1 << 6,      /**< instances come from a pool made in advance */
    WSB_ENGINE_FIBERS = 1 << 7,       /**< a guest can be suspended without holding a thread */
    WSB_ENGINE_SIMD = 1 << 8,         /**< proposal: fixed-width SIMD */
    WSB_ENGINE_REFERENCES = 1 << 9,   /**< externref values to and from the host */
    WSB_ENGINE_VECTORS = 1 << 10,     /**< v128 values to and from the host */
    WSB_ENGINE_RELAXED_SIMD = 1 << 11, /**< proposal */
    WSB_ENGINE_TAIL_CALLS = 1 << 12,   /**< proposal */
    WSB_ENGINE_EXCEPTIONS = 1 << 13,   /**< proposal: exception handling with exnref */
    WSB_ENGINE_MEMORY64 = 1 << 14,     /**< proposal: 64-bit memories and tables */
    WSB_ENGINE_NO_SIGNALS = 1 << 15,   /**< can do without signal handlers (`avoid_signals`) */
    WSB_ENGINE_BACKTRACES = 1 << 16    /**< tells where in the guest a trap happened */
} wsb_engine_feature;

/** The proposals among them: what a module may need of its engine. */
#define WSB_ENGINE_PROPOSALS                                                                       \
    (WSB_ENGINE_SIMD | WSB_ENGINE_RELAXED_SIMD | WSB_ENGINE_TAIL_CALLS | WSB_ENGINE_EXCEPTIONS |   \
     WSB_ENGINE_MEMORY64)

/** What is known of an engine. */
typedef struct wsb_engine_info {
    size_t size;
    const char *id;        /**< "wasmtime" */
    const char *version;   /**< the engine's own, "48.0.8"; "" while it is not loaded */
    uint32_t features;     /**< wsb_engine_feature bits: what holds for its guests */
    bool available;        /**< it could be loaded; else `problem` says why not */
    const char *problem;   /**< "" where it is available */
    uint32_t own_features; /**< those that the engine has itself; the rest of `features` comes from
                                rewriting its modules */
} wsb_engine_info;

/** To be filled in by the functions that take it. */
#define WSB_ENGINE_INFO_INIT {sizeof(wsb_engine_info), "", "", 0, false, "", 0}

/** The short name of one feature bit, as the command prints it ("tail_calls"); "unknown" for
 * others. [thread-safe] */
WSB_API const char *wsb_engine_feature_name(uint32_t feature);

/** Where compiled modules are kept between runs. */
typedef struct wsb_code_cache {
    size_t size;
    wsb_str directory;  /**< empty: no cache. Made with mode 0700 if missing. Copied. */
    uint64_t max_bytes; /**< of all its files; 0: 1 GiB. The least recently used go first. */
} wsb_code_cache;

/** No cache; set `directory`. */
#define WSB_CODE_CACHE_INIT {sizeof(wsb_code_cache), {NULL, 0}, 0}

/** How a runtime is made. */
typedef struct wsb_runtime_options {
    size_t size;
    /** Instances that can exist at once in the engine's pool, 0: 1,000. More are served without
     * the pool, a little slower. Address space is reserved for each, memory is not. */
    uint64_t pool_instances;
    bool avoid_pool;    /**< never pool: for hosts with little address space */
    bool avoid_signals; /**< no signal handlers: traps are found by explicit checks, slower */
    bool allow_foreign_stacks; /**< calls from stacks that are not their thread's own (coroutines)
                                    are let through without the check of the room left */
    const wsb_module_bounds *bounds;  /**< NULL: defaults. Copied. */
    const wsb_code_cache *code_cache; /**< NULL: none. Copied. */
    /** Key that authenticates compiled modules: 32 bytes, or empty for the file `key_path`, or
     * both empty: nothing can be serialized or cached. Copied. */
    wsb_bytes key;
    wsb_str key_path; /**< a file with mode 0600, made with a random key if missing. Copied. */
    /** Guests in fiber mode that can be in a call at once, each with a stack of `max_stack` and a
     * reserve; 0: 1,000. Address space is reserved for each, memory is not. Where the system does
     * not allow so many (vm.max_map_count), the first instance in fiber mode is
     * WSB_ERROR_LIMIT_EXCEEDED, which says what to change. */
    uint64_t max_fibers;
} wsb_runtime_options;

/** Pooling, signal handlers, default bounds, no cache. */
#define WSB_RUNTIME_OPTIONS_INIT                                                                   \
    {sizeof(wsb_runtime_options), 0, false, false, false, NULL, NULL, {NULL, 0}, {NULL, 0}, 0}

/**
 * Creates runtimes by engine id. The built-in engines are registered in a new factory just as
 * others can be (plugin/engine.h). [one thread at a time]
 */
typedef struct wsb_runtime_factory wsb_runtime_factory;

/** A factory with the built-in engines. Caller owns; release with wsb_runtime_factory_destroy().
 */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_factory_create(wsb_runtime_factory **out_factory,
                                                            wsb_error **out_error);

/** Runtimes made by it live on. NULL is allowed. */
WSB_API void wsb_runtime_factory_destroy(wsb_runtime_factory *factory);

/**
 * Loads an engine from a shared object and registers it under the id that it gives. The object
 * is loaded with RTLD_NOW | RTLD_LOCAL and never unloaded; no search path is used.
 *
 * @param path  of the file
 * @param out_id  Borrowed; valid while the factory is. May be NULL.
 * @return WSB_ERROR_NOT_FOUND, WSB_ERROR_ABI_MISMATCH (no entry symbol, other ABI version, a
 *         missing member: named), WSB_ERROR_ALREADY_EXISTS.
 */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_factory_load(wsb_runtime_factory *factory,
                                                          wsb_str path, const char **out_id,
                                                          wsb_error **out_error);

/** How many engines are registered. */
WSB_API size_t wsb_runtime_factory_count(const wsb_runtime_factory *factory);

/** The engine at `index`, in order of registration. Loads it to find out about it. Strings are
 * borrowed, valid while the factory is. WSB_ERROR_NOT_FOUND past the end. */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_factory_info(wsb_runtime_factory *factory,
                                                          size_t index, wsb_engine_info *out_info,
                                                          wsb_error **out_error);

/**
 * Creates a runtime.
 *
 * @param engine  id; empty: "wasmtime", or else the first that is available
 * @param options  NULL: defaults
 * @param out_runtime  Caller owns; release with wsb_runtime_destroy().
 * @return WSB_ERROR_NOT_FOUND for an unknown id, WSB_ERROR_UNSUPPORTED where the engine cannot
 *         be loaded or cannot do what the options ask.
 */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_factory_create_runtime(
    wsb_runtime_factory *factory, wsb_str engine, const wsb_runtime_options *options,
    wsb_runtime **out_runtime, wsb_error **out_error);

/** As the above, from a factory of its own: the short way. [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_runtime_create(wsb_str engine,
                                                    const wsb_runtime_options *options,
                                                    wsb_runtime **out_runtime,
                                                    wsb_error **out_error);

/** Drops the caller's reference; modules and instances keep the runtime alive. NULL is allowed.
 * [thread-safe] */
WSB_API void wsb_runtime_destroy(wsb_runtime *runtime);

/** The engine that it runs on. Strings are borrowed, valid while the runtime is. [thread-safe] */
WSB_API void wsb_runtime_get_engine(const wsb_runtime *runtime, wsb_engine_info *out_info);

/**
 * The per-user paths that the command uses for its cache and key:
 * ${XDG_CACHE_HOME:-~/.cache}/wasm-sandbox/code and …/wasm-sandbox/key. The folder is made.
 *
 * @param out_directory  of the cache. Caller owns; release with wsb_buf_fini().
 * @param out_key_path  Caller owns; release with wsb_buf_fini().
 * @return WSB_ERROR_NOT_FOUND where the user has no home. [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_code_cache_default_paths(wsb_buf *out_directory,
                                                              wsb_buf *out_key_path,
                                                              wsb_error **out_error);

WSB_END_DECLS

#endif
