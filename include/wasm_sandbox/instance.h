/**
 * @file instance.h
 * A running copy of a module: its functions, memory, globals and streams.
 */
#ifndef WASM_SANDBOX_INSTANCE_H
#define WASM_SANDBOX_INSTANCE_H

#include <wasm_sandbox/capabilities.h>
#include <wasm_sandbox/event.h>
#include <wasm_sandbox/future.h>
#include <wasm_sandbox/host_function.h>
#include <wasm_sandbox/limits.h>
#include <wasm_sandbox/module.h>
#include <wasm_sandbox/usage.h>

WSB_BEGIN_DECLS

/**
 * An instance. [one thread at a time], except wsb_instance_cancel() and wsb_instance_usage(),
 * which are [thread-safe]. A call into an instance that is running, from another thread or from
 * its own host function, is WSB_ERROR_BUSY.
 */
typedef struct wsb_instance wsb_instance;

/** An exported function, looked up and checked once. Belongs to its instance. */
typedef struct wsb_function wsb_function;

/** On which stack an instance's guest runs; fixed when it is created. */
typedef enum wsb_execution_mode {
    /** The caller's: the fastest calls. An asynchronous call holds a thread of the executor until
     * it ends, also while the guest sleeps. */
    WSB_EXECUTION_DIRECT = 0,
    /** One of its own: asynchronous calls hold a thread only while the guest computes. Calls cost
     * some hundred nanoseconds more, and the instance's host functions cannot call into guests.
     * WSB_ERROR_UNSUPPORTED where the engine has no WSB_ENGINE_FIBERS. */
    WSB_EXECUTION_FIBER = 1,
    /** FIBER where the engine has it, else DIRECT. */
    WSB_EXECUTION_FIBER_IF_ABLE = 2
} wsb_execution_mode;

/** What an instance may do, and how much. */
typedef struct wsb_instance_config {
    size_t size;
    const wsb_capabilities *capabilities; /**< NULL: none. Copied. */
    const wsb_resource_limits *limits;    /**< NULL: defaults. Copied. */
    wsb_imports *imports;                 /**< host functions; NULL: none. Referenced. */
    wsb_event_fn on_event;                /**< told what is refused; NULL: none */
    void *on_event_data;
    uint64_t tag;    /**< yours, in every event */
    void *user_data; /**< yours, for host functions */
    wsb_execution_mode mode;
} wsb_instance_config;

/** No capabilities, default limits, no host functions. */
#define WSB_INSTANCE_CONFIG_INIT                                                                   \
    {sizeof(wsb_instance_config), NULL, NULL, NULL, NULL, NULL, 0, NULL, WSB_EXECUTION_DIRECT}

/**
 * Instantiates a module and runs its start function and, in a reactor, `_initialize`, both under
 * the call limits.
 *
 * @param config  NULL: no capabilities, default limits
 * @param out_instance  Caller owns; release with wsb_instance_destroy().
 * @return WSB_ERROR_UNKNOWN_IMPORT (each one named), WSB_ERROR_UNSUPPORTED (a limit or
 *         capability that the engine cannot enforce; named), WSB_ERROR_LIMIT_EXCEEDED (a memory
 *         or table whose minimum exceeds the limit), WSB_ERROR_INVALID_CAPABILITY,
 *         WSB_ERROR_NOT_FOUND (a directory), or as wsb_function_call() for the start function.
 *         [thread-safe]
 */
WSB_API WSB_NODISCARD wsb_status wsb_instance_create(wsb_module *module,
                                                     const wsb_instance_config *config,
                                                     wsb_instance **out_instance,
                                                     wsb_error **out_error);

/** Destroys an instance; inside one of its own callbacks, when that call ends. It must not be
 * running on another thread: cancel it and wait for its call first; nor may asynchronous calls of
 * it be queued or in flight: wait for their futures. NULL is allowed. */
WSB_API void wsb_instance_destroy(wsb_instance *instance);

/** The instance's module. Borrowed; valid while the instance is. [thread-safe] */
WSB_API wsb_module *wsb_instance_module(const wsb_instance *instance);

/**
 * Prepares an exported function for calls.
 *
 * @param out_function  Borrowed; valid while the instance is. The same name gives the same one.
 * @return WSB_ERROR_NOT_FOUND (the error lists similar exports).
 */
WSB_API WSB_NODISCARD wsb_status wsb_instance_function(wsb_instance *instance, wsb_str name,
                                                       wsb_function **out_function,
                                                       wsb_error **out_error);

/** Its signature. Borrowed; valid while the instance is. */
WSB_API const wsb_function_type *wsb_function_get_type(const wsb_function *function);

/**
 * Calls a function with checked values.
 *
 * @param args  `arg_count` values of exactly the parameter types
 * @param results  takes `result_count` values; must be exactly as many as the function has
 * @return WSB_ERROR_INVALID_ARGUMENT (wrong counts), WSB_ERROR_TYPE_MISMATCH, WSB_ERROR_TRAP,
 *         WSB_ERROR_GUEST_OUT_OF_MEMORY, WSB_ERROR_TIMEOUT, WSB_ERROR_CPU_TIME,
 *         WSB_ERROR_OUT_OF_FUEL, WSB_ERROR_CANCELLED, WSB_ERROR_EXIT (with the code in the
 *         error), WSB_ERROR_BUSY, WSB_ERROR_CLOSED (an earlier call ended with one of the
 *         above), WSB_ERROR_LIMIT_EXCEEDED (not enough stack left on this thread, calls nested
 *         too deep, or `max_fibers` guests in a call already), WSB_ERROR_UNSUPPORTED (made in a
 *         host function of an instance in fiber mode), WSB_ERROR_FORKED.
 */
WSB_API WSB_NODISCARD wsb_status wsb_function_call(wsb_function *function, const wsb_value *args,
                                                   size_t arg_count, wsb_value *results,
                                                   size_t result_count, wsb_error **out_error);

/**
 * The fastest call: values without types.
 *
 * @param values  arguments on entry, results on return; reference types must not be among them
 * @param count  of `values`: at least the larger of parameter and result count
 * @return as wsb_function_call(); types are the caller's responsibility, counts are checked.
 */
WSB_API WSB_NODISCARD wsb_status wsb_function_call_raw(wsb_function *function,
                                                       wsb_raw_value *values, size_t count,
                                                       wsb_error **out_error);

/**
 * Runs a WASI command: calls `_start` once.
 *
 * @param out_exit_code  what the guest gave proc_exit, or 0 where it returned
 * @return as wsb_function_call(); an exit is success here. WSB_ERROR_NOT_FOUND where the module
 *         is no command.
 */
WSB_API WSB_NODISCARD wsb_status wsb_instance_run(wsb_instance *instance, int32_t *out_exit_code,
                                                  wsb_error **out_error);

/** Stops the guest's present call, wherever it is, with WSB_ERROR_CANCELLED, and closes the
 * instance for good, also where none is running. [thread-safe] [callback-safe] */
WSB_API void wsb_instance_cancel(wsb_instance *instance);

/**
 * As wsb_instance_cancel(), from a signal handler. It asks once and takes no lock, so a guest that
 * is just looking away can miss it: ask again (from a timer's signal, say) until the call returns.
 * A wait ends only when the signal interrupts it, that is on the thread that waits; a guest that is
 * suspended (fiber mode) sees it when it next goes on.
 * [async-signal-safe]
 */
WSB_API void wsb_instance_cancel_from_signal(wsb_instance *instance);

/** What the instance has used. `out_usage->size` says which fields to fill. [thread-safe] */
WSB_API void wsb_instance_usage(const wsb_instance *instance, wsb_usage *out_usage);

/** An output stream of the guest. */
typedef enum wsb_stream { WSB_STANDARD_OUTPUT = 1, WSB_STANDARD_ERROR = 2 } wsb_stream;

/**
 * What the guest wrote to a captured stream since the last call of wsb_instance_clear_output().
 * `max_output` holds for all of it: what was not cleared leaves less to the next call.
 *
 * @param out_truncated  whether `max_output` cut it; may be NULL
 * @return Borrowed; valid until the next call into the instance. Empty where the stream is not
 *         captured.
 */
WSB_API wsb_bytes wsb_instance_output(const wsb_instance *instance, wsb_stream stream,
                                      bool *out_truncated);

/** Forgets captured output. */
WSB_API void wsb_instance_clear_output(wsb_instance *instance);

/** Copies `length` bytes out of guest memory. WSB_ERROR_LIMIT_EXCEEDED where any byte is
 * outside, WSB_ERROR_NOT_FOUND without a memory, WSB_ERROR_BUSY while the guest runs. */
WSB_API WSB_NODISCARD wsb_status wsb_instance_read_memory(wsb_instance *instance, uint64_t offset,
                                                          void *out_data, size_t length,
                                                          wsb_error **out_error);

/** Copies into guest memory; statuses as for reading. */
WSB_API WSB_NODISCARD wsb_status wsb_instance_write_memory(wsb_instance *instance, uint64_t offset,
                                                           const void *data, size_t length,
                                                           wsb_error **out_error);

/** Bytes of linear memory now; 0 without one. */
WSB_API uint64_t wsb_instance_memory_size(const wsb_instance *instance);

/**
 * Grows linear memory.
 *
 * @param pages  of 64 KiB to add
 * @return WSB_ERROR_LIMIT_EXCEEDED where the limit or the module's own maximum refuses.
 */
WSB_API WSB_NODISCARD wsb_status wsb_instance_grow_memory(wsb_instance *instance, uint64_t pages,
                                                          wsb_error **out_error);

/** Reads an exported global. WSB_ERROR_NOT_FOUND, WSB_ERROR_UNSUPPORTED (a reference). */
WSB_API WSB_NODISCARD wsb_status wsb_instance_get_global(wsb_instance *instance, wsb_str name,
                                                         wsb_value *out_value,
                                                         wsb_error **out_error);

/** Writes an exported mutable global. Also WSB_ERROR_TYPE_MISMATCH, and WSB_ERROR_ACCESS_DENIED
 * for a constant one. */
WSB_API WSB_NODISCARD wsb_status wsb_instance_set_global(wsb_instance *instance, wsb_str name,
                                                         const wsb_value *value,
                                                         wsb_error **out_error);

/**
 * Calls with structured data. `text` is a JSON array of the arguments for a scalar function
 * (`[5, 3]`; one argument may stand alone), or any JSON value for a function of the buffer
 * convention.
 *
 * @param out_json  the result as JSON text: one value, `null` for none, an array for several.
 *                  Caller owns; release with wsb_buf_fini().
 * @return as wsb_function_call(), and WSB_ERROR_MALFORMED (not JSON, not UTF-8, or too deep;
 *         with line and column), WSB_ERROR_TYPE_MISMATCH (does not fit the signature; says which
 *         argument and why), WSB_ERROR_GUEST (the guest's own message and code).
 */
WSB_API WSB_NODISCARD wsb_status wsb_instance_call_json(wsb_instance *instance, wsb_str function,
                                                        wsb_str text, wsb_buf *out_json,
                                                        wsb_error **out_error);

/** The same with MessagePack: an array of the arguments, or any value for a buffer function. */
WSB_API WSB_NODISCARD wsb_status wsb_instance_call_msgpack(wsb_instance *instance, wsb_str function,
                                                           wsb_bytes data, wsb_buf *out_data,
                                                           wsb_error **out_error);

/** Calls a buffer function with raw bytes, uninterpreted in both directions. Also treats an
 * undeclared function of the right signature as a buffer function. */
WSB_API WSB_NODISCARD wsb_status wsb_instance_call_bytes(wsb_instance *instance, wsb_str function,
                                                         wsb_bytes data, wsb_buf *out_data,
                                                         wsb_error **out_error);

/**
 * @name Asynchronous calls
 * Each makes the call of the same name on a thread of `options->executor` and ends its future with
 * what that returns. Calls into one instance run in the order in which they were made. Arguments
 * are copied. The instance must live until the future has ended; a blocking call meanwhile is
 * WSB_ERROR_BUSY.
 *
 * @param options  with an executor
 * @param out_future  Caller owns; release with wsb_future_destroy().
 * @return WSB_ERROR_WOULD_BLOCK (the queue is full), WSB_ERROR_TIMEOUT (it was for all of
 *         `queue_timeout`), WSB_ERROR_INVALID_ARGUMENT, WSB_ERROR_OUT_OF_MEMORY,
 *         WSB_ERROR_FORKED. Everything else is the future's. [thread-safe]
 * @{
 */
/** Typed; wsb_future_take_values(). */
WSB_API WSB_NODISCARD wsb_status wsb_function_call_async(wsb_function *function,
                                                         const wsb_value *args, size_t arg_count,
                                                         const wsb_async_options *options,
                                                         wsb_future **out_future,
                                                         wsb_error **out_error);
/** A WASI command; wsb_future_take_exit_code(). */
WSB_API WSB_NODISCARD wsb_status wsb_instance_run_async(wsb_instance *instance,
                                                        const wsb_async_options *options,
                                                        wsb_future **out_future,
                                                        wsb_error **out_error);
/** JSON; wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_instance_call_json_async(wsb_instance *instance,
                                                              wsb_str function, wsb_str text,
                                                              const wsb_async_options *options,
                                                              wsb_future **out_future,
                                                              wsb_error **out_error);
/** MessagePack; wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_instance_call_msgpack_async(wsb_instance *instance,
                                                                 wsb_str function, wsb_bytes data,
                                                                 const wsb_async_options *options,
                                                                 wsb_future **out_future,
                                                                 wsb_error **out_error);
/** Raw bytes; wsb_future_take_data(). */
WSB_API WSB_NODISCARD wsb_status wsb_instance_call_bytes_async(wsb_instance *instance,
                                                               wsb_str function, wsb_bytes data,
                                                               const wsb_async_options *options,
                                                               wsb_future **out_future,
                                                               wsb_error **out_error);
/** @} */

WSB_END_DECLS

#endif
