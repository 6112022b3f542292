#include "runtime/future.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/options.h"
#include "core/signal_word.h"
#include "runtime/thread.h"
#include "runtime/ticks.h"

#include <wasm_sandbox/plugin/error.h>

/* Of `done`: at the end it is exchanged, so that only those are woken who wait. */
enum { RUNNING = 0, WAITED_ON = 1, DONE = 2 };

/* Of `callback`. Who brings it to CALLED calls, once. */
enum {
    CALLBACK_NONE = 0,
    CALLBACK_SETTING = 1,
    CALLBACK_SET = 2,
    CALLBACK_ENDED = 3,         /* before there was one */
    CALLBACK_ENDED_SETTING = 4, /* while it was being set: who sets it calls */
    CALLBACK_CALLED = 5
};

void wsb__future_init(wsb_future *future, wsb__result_kind kind, void (*release)(wsb_future *))
{
    *future = (wsb_future){.kind = kind,
                           .release = release,
                           .fork_generation =
                               atomic_load_explicit(&wsb__fork_generation, memory_order_relaxed)};
    atomic_init(&future->refs, 2);
}

static void release_result(wsb_future *future)
{
    if (future->kind == WSB__RESULT_VALUES) {
        wsb__free(future->result.values);
    } else if (future->kind == WSB__RESULT_DATA) {
        wsb_buf_fini(&future->result.data);
    }
}

static void unref(wsb_future *future)
{
    if (atomic_fetch_sub_explicit(&future->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    int fd = atomic_load(&future->fd);
    if (fd > 0) {
        close(fd - 1);
    }
    wsb_error_destroy(future->error);
    release_result(future);
    future->release(future);
}

void wsb_future_destroy(wsb_future *future)
{
    if (future != NULL) {
        unref(future);
    }
}

void wsb__future_abandon(wsb_future *future)
{
    unref(future);
}

static bool is_done(const wsb_future *future)
{
    return atomic_load(&future->done) == DONE;
}

/* The threads that would end it are not in this process. Asked of the future: its executor can be
 * destroyed while somebody waits. */
static bool is_forked(const wsb_future *future)
{
    return future->task.executor != NULL &&
           future->fork_generation !=
               atomic_load_explicit(&wsb__fork_generation, memory_order_relaxed);
}

bool wsb_future_poll(const wsb_future *future)
{
    return future != NULL && is_done(future);
}

bool wsb_future_wait(wsb_future *future, uint64_t timeout_ns)
{
    if (future == NULL) {
        return false;
    }
    uint64_t begin = timeout_ns != 0 && timeout_ns != UINT64_MAX ? wsb__monotonic_ns() : 0;
    uint64_t waited = 0;
    while (!is_done(future)) {
        uint32_t running = RUNNING;
        if (waited >= timeout_ns || is_forked(future)) {
            return false;
        }
        atomic_compare_exchange_strong(&future->done, &running, WAITED_ON);
        wsb__word_wait(&future->done, WAITED_ON,
                       timeout_ns == UINT64_MAX ? timeout_ns : timeout_ns - waited);
        waited = timeout_ns == UINT64_MAX ? 0 : wsb__monotonic_ns() - begin;
    }
    return true;
}

void wsb_future_cancel(wsb_future *future)
{
    if (future == NULL || is_done(future)) {
        return;
    }
    if (future->task.ops != NULL) {
        wsb__task_cancel(&future->task);
    } else if (future->stop != NULL) {
        future->stop(future);
    }
}

/* --- the end --- */

static void signal_fd(wsb_future *future)
{
    int fd = atomic_load(&future->fd);
    if (fd > 0) {
        uint64_t one = 1;
        ssize_t written = write(fd - 1, &one, sizeof one);
        (void)written; /* an eventfd that nobody reads takes it */
    }
}

/* Whether the callback is to be called now. */
static bool end_callback(wsb_future *future)
{
    static const uint32_t after[] = {[CALLBACK_NONE] = CALLBACK_ENDED,
                                     [CALLBACK_SETTING] = CALLBACK_ENDED_SETTING,
                                     [CALLBACK_SET] = CALLBACK_CALLED};
    uint32_t callback = atomic_load(&future->callback);
    while (!atomic_compare_exchange_weak(&future->callback, &callback, after[callback])) {
    }
    return callback == CALLBACK_SET;
}

static void call_and_unref(wsb_future *future)
{
    future->on_done(future, future->on_done_data);
    unref(future);
}

static wsb__step step_callback(wsb__task *task)
{
    call_and_unref((wsb_future *)task);
    return WSB__STEP_DONE;
}

static void discard_callback(wsb__task *task)
{
    call_and_unref((wsb_future *)task);
}

static void cancel_callback(wsb__task *task)
{
    (void)task;
}

/* For those that end while a thread of the host's hands over: it may hold locks that the callback
 * takes. */
static const wsb__task_ops callback_ops = {
    .step = step_callback, .discard = discard_callback, .cancel = cancel_callback};

void wsb__future_finish(wsb_future *future, wsb_status status, wsb_error *error)
{
    uint32_t before;
    future->status = status;
    future->error = error;
    if (future->task.executor != NULL) {
        before = wsb__task_end(&future->task, &future->done, DONE);
    } else {
        before = atomic_exchange(&future->done, DONE);
    }
    if (before == WAITED_ON) {
        wsb__word_wake(&future->done, UINT32_MAX);
    }
    signal_fd(future);
    if (!end_callback(future)) {
        unref(future);
    } else if (future->task.executor == NULL ||
               !wsb__task_finish_elsewhere(&future->task, &callback_ops)) {
        call_and_unref(future);
    }
}

/* --- being told --- */

static wsb_status refuse(wsb_error **out_error, wsb_status status, const char *operation,
                         const char *reason)
{
    return wsb_error_set(out_error, status, &(wsb_error_details){.operation = operation}, "%s: %s",
                         operation, reason);
}

/* Takes the one place for a callback. @return what was there, CALLBACK_NONE or CALLBACK_ENDED;
 * another: the place is taken. */
static uint32_t take_callback(wsb_future *future)
{
    uint32_t callback = CALLBACK_NONE;
    if (!atomic_compare_exchange_strong(&future->callback, &callback, CALLBACK_SETTING) &&
        callback == CALLBACK_ENDED) {
        atomic_compare_exchange_strong(&future->callback, &callback, CALLBACK_CALLED);
    }
    return callback;
}

wsb_status wsb_future_on_done(wsb_future *future, wsb_future_fn done, void *user_data,
                              wsb_error **out_error)
{
    static const char operation[] = "set callback of future";
    if (future == NULL || done == NULL) {
        return refuse(out_error, WSB_ERROR_INVALID_ARGUMENT, operation, "an argument is NULL");
    }
    uint32_t before = take_callback(future);
    if (before != CALLBACK_NONE && before != CALLBACK_ENDED) {
        return refuse(out_error, WSB_ERROR_ALREADY_EXISTS, operation, "it has one already");
    }
    if (before == CALLBACK_NONE) {
        uint32_t setting = CALLBACK_SETTING;
        future->on_done = done;
        future->on_done_data = user_data;
        if (atomic_compare_exchange_strong(&future->callback, &setting, CALLBACK_SET)) {
            return WSB_OK;
        }
        atomic_store(&future->callback, CALLBACK_CALLED); /* it has ended meanwhile */
    }
    done(future, user_data);
    return WSB_OK;
}

wsb_status wsb_future_fd(wsb_future *future, int *out_fd, wsb_error **out_error)
{
    static const char operation[] = "get descriptor of future";
    if (future == NULL || out_fd == NULL) {
        return refuse(out_error, WSB_ERROR_INVALID_ARGUMENT, operation, "an argument is NULL");
    }
    int fd = atomic_load(&future->fd);
    if (fd == 0) {
        int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (made < 0) {
            return wsb_error_set(
                out_error, WSB_ERROR_IO,
                &(wsb_error_details){.operation = operation,
                                     .suggestion = "raise the limit on open files (ulimit -n)"},
                "%s: the process has no descriptor left", operation);
        }
        if (atomic_compare_exchange_strong(&future->fd, &fd, made + 1)) {
            fd = made + 1;
        } else {
            close(made);
        }
        /* Either this sees the end, or the end sees the descriptor. */
        if (is_done(future)) {
            signal_fd(future);
        }
    }
    *out_fd = fd - 1;
    return WSB_OK;
}

/* --- the result --- */

wsb_status wsb_future_status(const wsb_future *future)
{
    if (future == NULL) {
        return WSB_ERROR_INVALID_ARGUMENT;
    }
    return is_done(future) ? future->status : WSB_ERROR_WOULD_BLOCK;
}

/* Whether the caller may take the result: WSB_OK, once. */
static wsb_status take(wsb_future *future, wsb__result_kind kind, bool has_out, size_t count,
                       wsb_error **out_error)
{
    static const char operation[] = "take result";
    if (future == NULL || !has_out) {
        return refuse(out_error, WSB_ERROR_INVALID_ARGUMENT, operation, "an argument is NULL");
    }
    if (future->kind != kind) {
        return refuse(out_error, WSB_ERROR_INVALID_ARGUMENT, operation,
                      "the call gives a result of another kind");
    }
    if (!is_done(future)) {
        return refuse(out_error, WSB_ERROR_WOULD_BLOCK, operation, "the call has not ended");
    }
    if (kind == WSB__RESULT_VALUES && future->status == WSB_OK && count != future->value_count) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                             &(wsb_error_details){.operation = operation,
                                                  .used = count,
                                                  .allowed = future->value_count},
                             "%s: there is room for %zu results, and the function has %zu",
                             operation, count, future->value_count);
    }
    if (atomic_exchange(&future->taken, true)) {
        return refuse(out_error, WSB_ERROR_CLOSED, operation, "it was taken already");
    }
    if (future->status != WSB_OK && out_error != NULL) {
        *out_error = future->error;
        future->error = NULL;
    }
    return future->status;
}

wsb_status wsb_future_take_values(wsb_future *future, wsb_value *results, size_t count,
                                  wsb_error **out_error)
{
    wsb_status status =
        take(future, WSB__RESULT_VALUES, results != NULL || count == 0, count, out_error);
    if (status == WSB_OK && results != NULL && count > 0) {
        memcpy(results, future->result.values, count * sizeof *results);
    }
    return status;
}

wsb_status wsb_future_take_data(wsb_future *future, wsb_buf *out_data, wsb_error **out_error)
{
    wsb_status status = take(future, WSB__RESULT_DATA, out_data != NULL, 0, out_error);
    if (status == WSB_OK && out_data != NULL) {
        *out_data = future->result.data;
        future->result.data = (wsb_buf)WSB_BUF_INIT;
    }
    return status;
}

wsb_status wsb_future_take_exit_code(wsb_future *future, int32_t *out_code, wsb_error **out_error)
{
    wsb_status status = take(future, WSB__RESULT_EXIT_CODE, out_code != NULL, 0, out_error);
    if (status == WSB_OK && out_code != NULL) {
        *out_code = future->result.exit_code;
    }
    return status;
}

wsb_status wsb_future_take_id(wsb_future *future, uint64_t *out_id, wsb_error **out_error)
{
    wsb_status status = take(future, WSB__RESULT_ID, out_id != NULL, 0, out_error);
    if (status == WSB_OK && out_id != NULL) {
        *out_id = future->result.id;
    }
    return status;
}

wsb_status wsb__async_options(const wsb_async_options *options, wsb_async_options *out_options,
                              wsb_error **out_error)
{
    return wsb__options_copy(options, out_options, sizeof *out_options, "wsb_async_options",
                             out_error);
}
