/**
 * @file plugin/channel.h
 * What a type of channel implements. For implementers: a weaker promise than the rest, versioned
 * by WSB_CHANNEL_ABI_VERSION.
 *
 * A type never blocks: it says WSB_ERROR_WOULD_BLOCK and keeps the wakers of those who want to
 * know when to try again. Waiting with a deadline, from threads, event loops and guests, is made
 * from that by the library, the same for every type.
 *
 * Threads: everything but create() and destroy() comes from any thread, several at once. Never
 * wake a waker with a lock held: it may run code that uses the channel.
 */
#ifndef WASM_SANDBOX_PLUGIN_CHANNEL_H
#define WASM_SANDBOX_PLUGIN_CHANNEL_H

#include <wasm_sandbox/channel.h>

WSB_BEGIN_DECLS

/** For `wsb_channel_ops.abi_version`. */
#define WSB_CHANNEL_ABI_VERSION 1u

/**
 * A type of channel. `static const`; append-only. All members must be set.
 */
typedef struct wsb_channel_ops {
    size_t size;
    uint32_t abi_version; /**< WSB_CHANNEL_ABI_VERSION */
    const char *type;     /**< [a-z0-9_-]+ */

    /** Makes both ends. `options` are resolved: no zeros. `user_data` as registered. */
    wsb_status (*create)(const wsb_channel_options *options, void *user_data, void *out_ends[2],
                         wsb_error **out_error);
    /** Releases one end, closed before; what was sent from it can still be received by the other.
     */
    void (*destroy)(void *end);

    /** WSB_OK, WSB_ERROR_WOULD_BLOCK, WSB_ERROR_CLOSED, WSB_ERROR_LIMIT_EXCEEDED where it could
     * never fit, WSB_ERROR_MALFORMED, …. The message is copied, whole or not at all. */
    wsb_status (*send)(void *end, wsb_bytes message);
    /** WSB_OK, WSB_ERROR_WOULD_BLOCK, WSB_ERROR_CLOSED. Replaces what `io_message` holds
     * (wsb_buf_assign() does), on success only. */
    wsb_status (*receive)(void *end, wsb_buf *io_message);
    /** The same on the lane of results. */
    wsb_status (*send_result)(void *end, wsb_bytes result);
    wsb_status (*receive_result)(void *end, wsb_buf *io_result);

    /** Keeps a reference to `waker` and wakes it once when `event` (one bit) may have happened:
     * at once where it has, and when either end closes. Drops the reference then: whoever used
     * what it was woken for does not call unwait(). WSB_ERROR_OUT_OF_MEMORY. */
    wsb_status (*wait)(void *end, wsb_channel_event event, wsb_waker *waker);
    /** Drops such a reference. Where it was woken already, what woke it was not used: another one
     * of the same event is woken instead. */
    void (*unwait)(void *end, wsb_channel_event event, wsb_waker *waker);

    void (*close)(void *end);
    /** Fills in what the type knows; `out_stats` is zeroed. Times blocked, and sends refused, are
     * added by the library. */
    void (*stats)(void *end, wsb_channel_stats *out_stats);
} wsb_channel_ops;

/**
 * Registers a type of channel under `ops->type`.
 *
 * @param ops  Borrowed; must outlive every channel made with it (it is static).
 * @param destroy_user_data  called with `user_data` when the factory is destroyed; may be NULL.
 *        Takes ownership on success only.
 * @return WSB_ERROR_ABI_MISMATCH (another ABI version, or a missing member: named),
 *         WSB_ERROR_INVALID_ARGUMENT (the type's name), WSB_ERROR_ALREADY_EXISTS.
 */
WSB_API WSB_NODISCARD wsb_status wsb_channel_factory_register(
    wsb_channel_factory *factory, const wsb_channel_ops *ops, void *user_data,
    void (*destroy_user_data)(void *user_data), wsb_error **out_error);

/** Makes a channel of a type without a factory: calls its create(). `options` NULL: defaults. */
WSB_API WSB_NODISCARD wsb_status wsb_channel_create(const wsb_channel_ops *ops,
                                                    const wsb_channel_options *options,
                                                    void *user_data, wsb_channel **out_end,
                                                    wsb_channel **out_other, wsb_error **out_error);

WSB_END_DECLS

#endif
