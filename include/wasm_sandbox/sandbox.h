/**
 * @file sandbox.h
 * The sandbox: modules and instances by id, from any thread. The shortest way to run something.
 */
#ifndef WASM_SANDBOX_SANDBOX_H
#define WASM_SANDBOX_SANDBOX_H

#include <wasm_sandbox/instance.h>
#include <wasm_sandbox/runtime.h>

WSB_BEGIN_DECLS

/** A sandbox. [thread-safe]: ids keep what they name alive for the length of each call. */
typedef struct wsb_sandbox wsb_sandbox;

/** Ids are never reused; one from another sandbox, or of something dropped, is
 * WSB_ERROR_NOT_FOUND and the error says which of the two. 0 is never an id. */
typedef uint64_t wsb_module_id;
/** As wsb_module_id, of an instance. */
typedef uint64_t wsb_instance_id;

/** How a sandbox is made. */
typedef struct wsb_sandbox_options {
    size_t size;
    wsb_str engine;                     /**< empty: the default one */
    const wsb_runtime_options *runtime; /**< NULL: defaults */
    wsb_runtime *use_runtime; /**< an existing one, referenced; then the two above stay unset */
    wsb_executor *executor;   /**< for asynchronous calls, referenced; NULL: one of its own, made
                                   with defaults when first needed */
} wsb_sandbox_options;

/** The default engine with default options. */
#define WSB_SANDBOX_OPTIONS_INIT {sizeof(wsb_sandbox_options), {NULL, 0}, NULL, NULL, NULL}

/** Creates a sandbox. `options` NULL: defaults. Caller owns; release with
 * wsb_sandbox_destroy(). Statuses as wsb_runtime_create(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_create(const wsb_sandbox_options *options,
                                                    wsb_sandbox **out_sandbox,
                                                    wsb_error **out_error);

/** Cancels and waits for what is running in it or queued, then destroys everything; futures live
 * on and have ended. NULL is allowed. Must not be called from inside one of its calls or completion
 * callbacks. */
WSB_API void wsb_sandbox_destroy(wsb_sandbox *sandbox);

/** The sandbox's executor, made now where there was none yet. Borrowed; valid while the sandbox
 * is. [thread-safe] */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_executor(wsb_sandbox *sandbox,
                                                      wsb_executor **out_executor,
                                                      wsb_error **out_error);

/** The sandbox's runtime. Borrowed; valid while the sandbox is. */
WSB_API wsb_runtime *wsb_sandbox_runtime(const wsb_sandbox *sandbox);

/** Loads a module from bytes, binary or text. Statuses as wsb_module_compile(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_load_module(wsb_sandbox *sandbox, wsb_bytes bytes,
                                                         wsb_module_id *out_id,
                                                         wsb_error **out_error);

/** Loads a module from a file. Statuses as wsb_module_compile_file(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_load_module_file(wsb_sandbox *sandbox, wsb_str path,
                                                              wsb_module_id *out_id,
                                                              wsb_error **out_error);

/** The module behind an id. Caller owns a reference; release with wsb_module_destroy(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_module(wsb_sandbox *sandbox, wsb_module_id id,
                                                    wsb_module **out_module, wsb_error **out_error);

/** Forgets a module; its instances live on. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_unload_module(wsb_sandbox *sandbox, wsb_module_id id,
                                                           wsb_error **out_error);

/** Creates an instance. `config` NULL: no capabilities, default limits. Statuses as
 * wsb_instance_create(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_create_instance(wsb_sandbox *sandbox,
                                                             wsb_module_id module,
                                                             const wsb_instance_config *config,
                                                             wsb_instance_id *out_id,
                                                             wsb_error **out_error);

/** Drops an instance: a running call is cancelled, and its end waited for unless this is called
 * from inside it. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_drop_instance(wsb_sandbox *sandbox, wsb_instance_id id,
                                                           wsb_error **out_error);

/** Calls an exported function by name with typed values. Statuses as wsb_function_call(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function(wsb_sandbox *sandbox,
                                                           wsb_instance_id instance, wsb_str name,
                                                           const wsb_value *args, size_t arg_count,
                                                           wsb_value *results, size_t result_count,
                                                           wsb_error **out_error);

/** With JSON; see wsb_instance_call_json(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function_json(wsb_sandbox *sandbox,
                                                                wsb_instance_id instance,
                                                                wsb_str name, wsb_str text,
                                                                wsb_buf *out_json,
                                                                wsb_error **out_error);

/** With MessagePack; see wsb_instance_call_msgpack(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function_msgpack(wsb_sandbox *sandbox,
                                                                   wsb_instance_id instance,
                                                                   wsb_str name, wsb_bytes data,
                                                                   wsb_buf *out_data,
                                                                   wsb_error **out_error);

/** With raw bytes; see wsb_instance_call_bytes(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function_bytes(wsb_sandbox *sandbox,
                                                                 wsb_instance_id instance,
                                                                 wsb_str name, wsb_bytes data,
                                                                 wsb_buf *out_data,
                                                                 wsb_error **out_error);

/** Runs a WASI command; see wsb_instance_run(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_run(wsb_sandbox *sandbox, wsb_instance_id instance,
                                                 int32_t *out_exit_code, wsb_error **out_error);

/** Copies a captured stream. Caller owns `out_data`; `out_truncated` may be NULL.
 * WSB_ERROR_BUSY while the guest runs. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_output(wsb_sandbox *sandbox, wsb_instance_id instance,
                                                    wsb_stream stream, wsb_buf *out_data,
                                                    bool *out_truncated, wsb_error **out_error);

/** Forgets captured output, so that there is room for more: see wsb_instance_output().
 * WSB_ERROR_BUSY while the guest runs. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_clear_output(wsb_sandbox *sandbox,
                                                          wsb_instance_id instance,
                                                          wsb_error **out_error);

/** Cancels what the instance runs; see wsb_instance_cancel(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_cancel(wsb_sandbox *sandbox, wsb_instance_id instance,
                                                    wsb_error **out_error);

/** See wsb_instance_usage(); also while it runs. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_usage(wsb_sandbox *sandbox, wsb_instance_id instance,
                                                   wsb_usage *out_usage, wsb_error **out_error);

/** Lists the ids of modules, oldest first, at most `capacity` of them into `out_ids` (NULL when
 * 0). @return how many there are. */
WSB_API size_t wsb_sandbox_list_modules(wsb_sandbox *sandbox, wsb_module_id *out_ids,
                                        size_t capacity);
/** The same for instances. */
WSB_API size_t wsb_sandbox_list_instances(wsb_sandbox *sandbox, wsb_instance_id *out_ids,
                                          size_t capacity);

/**
 * Builds a sandbox with one main module and instance. Setters copy; a setter's problem is
 * reported by wsb_sandbox_builder_build(). [one thread at a time]
 */
typedef struct wsb_sandbox_builder wsb_sandbox_builder;

/** Caller owns; release with wsb_sandbox_builder_destroy(). NULL when out of memory; every
 * setter and build accept that. */
WSB_API wsb_sandbox_builder *wsb_sandbox_builder_create(void);
/** Releases a builder; what it built lives on. NULL is allowed. */
WSB_API void wsb_sandbox_builder_destroy(wsb_sandbox_builder *builder);

/** The main module: a file, read when built. */
WSB_API void wsb_sandbox_builder_module_path(wsb_sandbox_builder *builder, wsb_str path);
/** The main module: bytes, binary or text. */
WSB_API void wsb_sandbox_builder_module_bytes(wsb_sandbox_builder *builder, wsb_bytes bytes);
/** The engine's id; empty: the default one. */
WSB_API void wsb_sandbox_builder_engine(wsb_sandbox_builder *builder, wsb_str id);
/** An existing runtime, referenced; instead of an engine. */
WSB_API void wsb_sandbox_builder_runtime(wsb_sandbox_builder *builder, wsb_runtime *runtime);
/** `max_memory`, bytes. */
WSB_API void wsb_sandbox_builder_memory_limit(wsb_sandbox_builder *builder, uint64_t bytes);
/** `max_wall_time` and `max_cpu_time`, ns. */
WSB_API void wsb_sandbox_builder_timeout(wsb_sandbox_builder *builder, uint64_t ns);
/** `fuel`, units of the engine for each call. */
WSB_API void wsb_sandbox_builder_fuel(wsb_sandbox_builder *builder, uint64_t fuel);
/** All limits at once; later setters of single limits change it. */
WSB_API void wsb_sandbox_builder_limits(wsb_sandbox_builder *builder,
                                        const wsb_resource_limits *limits);
/** All capabilities at once; wsb_sandbox_builder_directory() adds to them. */
WSB_API void wsb_sandbox_builder_capabilities(wsb_sandbox_builder *builder,
                                              const wsb_capabilities *capabilities);
/** Adds one read-only directory (read-write with create and delete where `writable`). */
WSB_API void wsb_sandbox_builder_directory(wsb_sandbox_builder *builder, wsb_str host_path,
                                           wsb_str guest_path, bool writable);
/** Adds a host function; takes ownership of its `user_data` on success only, which the next build
 * tells. */
WSB_API void wsb_sandbox_builder_host_function(wsb_sandbox_builder *builder,
                                               const wsb_host_function *function);

/** On which stack the main instance's guest runs. */
WSB_API void wsb_sandbox_builder_mode(wsb_sandbox_builder *builder, wsb_execution_mode mode);
/** An executor for asynchronous calls, referenced. */
WSB_API void wsb_sandbox_builder_executor(wsb_sandbox_builder *builder, wsb_executor *executor);
/** Adds a host function with structured data; as wsb_sandbox_builder_host_function(). */
WSB_API void wsb_sandbox_builder_structured_function(wsb_sandbox_builder *builder,
                                                     const wsb_structured_function *function);
/**
 * Makes a channel for the main instance, which opens its end by `name`; the other end is
 * wsb_sandbox_channel(). Each build makes a new one.
 *
 * @param factory  Borrowed until the last build; NULL: the built-in types
 * @param type  "memory", "rpc", or one that was registered
 * @param options  NULL: defaults
 */
WSB_API void wsb_sandbox_builder_channel(wsb_sandbox_builder *builder, wsb_str name,
                                         wsb_channel_factory *factory, wsb_str type,
                                         const wsb_channel_options *options);

/** Builds. The builder can be used again. Statuses as loading a module and creating an instance.
 */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_builder_build(wsb_sandbox_builder *builder,
                                                           wsb_sandbox **out_sandbox,
                                                           wsb_error **out_error);

/** The main instance of a built sandbox; 0 for one that was not built. */
WSB_API wsb_instance_id wsb_sandbox_main_instance(const wsb_sandbox *sandbox);

/** The host's end of a channel of wsb_sandbox_builder_channel(). Borrowed; valid while the sandbox
 * is. WSB_ERROR_NOT_FOUND. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_channel(wsb_sandbox *sandbox, wsb_str name,
                                                     wsb_channel **out_channel,
                                                     wsb_error **out_error);

/** Calls a function of the main instance. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call(wsb_sandbox *sandbox, wsb_str name,
                                                  const wsb_value *args, size_t arg_count,
                                                  wsb_value *results, size_t result_count,
                                                  wsb_error **out_error);

/** The same with JSON. */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_json(wsb_sandbox *sandbox, wsb_str name,
                                                       wsb_str text, wsb_buf *out_json,
                                                       wsb_error **out_error);

/**
 * One call does it all: loads the module file, calls `function` with JSON arguments under
 * default limits and no capabilities, and cleans up.
 */
WSB_API WSB_NODISCARD wsb_status wsb_run(wsb_str path, wsb_str function, wsb_str json_args,
                                         wsb_buf *out_json, wsb_error **out_error);

/** The same with a deadline of `timeout_ns` for wall and CPU time. */
WSB_API WSB_NODISCARD wsb_status wsb_run_with_timeout(wsb_str path, wsb_str function,
                                                      wsb_str json_args, uint64_t timeout_ns,
                                                      wsb_buf *out_json, wsb_error **out_error);

/**
 * @name Asynchronous calls
 * Each makes the call of the same name on a thread of the executor and ends its future with what
 * that returns. Calls into one instance run in the order in which they were made, also where
 * blocking ones come between; a blocking call while asynchronous ones are in flight is
 * WSB_ERROR_BUSY. Arguments are copied.
 *
 * @param options  NULL: the sandbox's executor, no waiting where its queue is full
 * @param out_future  Caller owns; release with wsb_future_destroy().
 * @return WSB_ERROR_NOT_FOUND (the id), WSB_ERROR_WOULD_BLOCK (the queue is full),
 *         WSB_ERROR_TIMEOUT (it was for all of `queue_timeout`), WSB_ERROR_INVALID_ARGUMENT,
 *         WSB_ERROR_OUT_OF_MEMORY, WSB_ERROR_FORKED. Everything else is the future's.
 *         [thread-safe]
 * @{
 */
/** `bytes` are copied; wsb_future_take_id(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_load_module_async(wsb_sandbox *sandbox,
                                                               wsb_bytes bytes,
                                                               const wsb_async_options *options,
                                                               wsb_future **out_future,
                                                               wsb_error **out_error);
/** wsb_future_take_id(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_load_module_file_async(
    wsb_sandbox *sandbox, wsb_str path, const wsb_async_options *options, wsb_future **out_future,
    wsb_error **out_error);
/** What `config` points to must live until the future has ended; wsb_future_take_id(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_create_instance_async(
    wsb_sandbox *sandbox, wsb_module_id module, const wsb_instance_config *config,
    const wsb_async_options *options, wsb_future **out_future, wsb_error **out_error);
/** Typed; wsb_future_take_values(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function_async(
    wsb_sandbox *sandbox, wsb_instance_id instance, wsb_str name, const wsb_value *args,
    size_t arg_count, const wsb_async_options *options, wsb_future **out_future,
    wsb_error **out_error);
/** wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function_json_async(
    wsb_sandbox *sandbox, wsb_instance_id instance, wsb_str name, wsb_str text,
    const wsb_async_options *options, wsb_future **out_future, wsb_error **out_error);
/** wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function_msgpack_async(
    wsb_sandbox *sandbox, wsb_instance_id instance, wsb_str name, wsb_bytes data,
    const wsb_async_options *options, wsb_future **out_future, wsb_error **out_error);
/** wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_function_bytes_async(
    wsb_sandbox *sandbox, wsb_instance_id instance, wsb_str name, wsb_bytes data,
    const wsb_async_options *options, wsb_future **out_future, wsb_error **out_error);
/** wsb_future_take_exit_code(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_run_async(wsb_sandbox *sandbox,
                                                       wsb_instance_id instance,
                                                       const wsb_async_options *options,
                                                       wsb_future **out_future,
                                                       wsb_error **out_error);
/** A function of the main instance; wsb_future_take_values(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_async(wsb_sandbox *sandbox, wsb_str name,
                                                        const wsb_value *args, size_t arg_count,
                                                        const wsb_async_options *options,
                                                        wsb_future **out_future,
                                                        wsb_error **out_error);
/** The same with JSON; wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_sandbox_call_json_async(wsb_sandbox *sandbox, wsb_str name,
                                                             wsb_str text,
                                                             const wsb_async_options *options,
                                                             wsb_future **out_future,
                                                             wsb_error **out_error);
/** wsb_run_with_timeout() on an executor, which `options` must name; wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_run_async(wsb_str path, wsb_str function, wsb_str json_args,
                                               uint64_t timeout_ns,
                                               const wsb_async_options *options,
                                               wsb_future **out_future, wsb_error **out_error);
/** @} */

WSB_END_DECLS

#endif
