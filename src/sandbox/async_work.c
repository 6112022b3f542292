/* Work that takes a thread until it ends: loading modules, creating instances, and all of
 * wsb_run_async(). */
#include "sandbox/work.h"

#include "core/alloc.h"
#include "core/options.h"
#include "runtime/instance.h"

#include <wasm_sandbox/plugin/error.h>

typedef enum job_kind { LOAD_BYTES, LOAD_FILE, CREATE, RUN } job_kind;

typedef struct job {
    wsb__work work;
    job_kind kind;
    wsb_str
        texts[3]; /* in this block. LOAD: the bytes or the path; RUN: path, function, arguments */
    wsb_module_id module;
    bool has_config;
    wsb_instance_config config;
    uint64_t limit_ns;    /* RUN */
    pthread_mutex_t lock; /* of what follows */
    bool cancelled;
    wsb_sandbox *inner;   /* RUN: built, and not destroyed yet */
    wsb_instance *making; /* CREATE: its start function runs */
} job;

static const char *operation_of(const job *it)
{
    switch (it->kind) {
    case CREATE:
        return "create instance";
    case RUN:
        return "run";
    default:
        return "load module";
    }
}

static wsb_status load_module(job *it, wsb_error **out_error)
{
    wsb_sandbox *sandbox = it->work.sandbox;
    wsb_str text = it->texts[0];
    uint64_t *id = &it->work.future.result.id;
    return wsb__sandbox_load(sandbox, it->kind == LOAD_FILE ? &text : NULL,
                             wsb_bytes_of(text.data, text.len), NULL, id, out_error);
}

static void making_begins(void *context, wsb_instance *instance)
{
    job *it = context;
    pthread_mutex_lock(&it->lock);
    it->making = instance;
    if (it->cancelled)
        wsb_instance_cancel(instance);
    pthread_mutex_unlock(&it->lock);
}

static void making_ends(void *context)
{
    job *it = context;
    pthread_mutex_lock(&it->lock);
    it->making = NULL;
    pthread_mutex_unlock(&it->lock);
}

static wsb_status create_instance(job *it, wsb_error **out_error)
{
    wsb__making making = {.begin = making_begins, .end = making_ends, .context = it};
    return wsb__sandbox_create_instance(it->work.sandbox, it->module,
                                        it->has_config ? &it->config : NULL, &making,
                                        &it->work.future.result.id, out_error);
}

/* Nobody learns of what was made: its caller does not want it any more. Where that is refused, the
 * sandbox is being destroyed, with all that is in it. */
static void undo(job *it)
{
    uint64_t id = it->work.future.result.id;
    wsb_status status = WSB_OK;
    if (it->kind == CREATE)
        status = wsb_sandbox_drop_instance(it->work.sandbox, id, NULL);
    else if (it->kind != RUN)
        status = wsb_sandbox_unload_module(it->work.sandbox, id, NULL);
    else
        wsb_buf_fini(&it->work.future.result.data);
    (void)status;
}

/* Lets cancel() reach what runs in `sandbox`; false where it came before. */
static bool show(job *it, wsb_sandbox *sandbox)
{
    pthread_mutex_lock(&it->lock);
    bool cancelled = it->cancelled;
    it->inner = sandbox;
    pthread_mutex_unlock(&it->lock);
    return !cancelled;
}

static wsb_status run(job *it, wsb_error **out_error)
{
    wsb_sandbox *sandbox = NULL;
    wsb_status status = wsb__run_build(it->texts[0], it->limit_ns, &sandbox, out_error);
    if (status != WSB_OK)
        return status;
    if (!show(it, sandbox))
        status = wsb__work_refused(&it->work, "run", out_error);
    if (status == WSB_OK)
        status = wsb_sandbox_call_json(sandbox, it->texts[1], it->texts[2],
                                       &it->work.future.result.data, out_error);
    (void)show(it, NULL);
    wsb_sandbox_destroy(sandbox);
    return status;
}

static wsb_status work(job *it, wsb_error **out_error)
{
    switch (it->kind) {
    case CREATE:
        return create_instance(it, out_error);
    case RUN:
        return run(it, out_error);
    default:
        return load_module(it, out_error);
    }
}

static void discard(wsb__task *task)
{
    job *it = (job *)task;
    wsb_error *error = NULL;
    wsb_status status = wsb__work_refused(&it->work, operation_of(it), &error);
    (void)wsb__work_end(&it->work, status, error);
}

static wsb__step step(wsb__task *task)
{
    job *it = (job *)task;
    wsb_error *error = NULL;
    wsb_status status = work(it, &error);
    if (status == WSB_OK && wsb__task_cancelled(task)) {
        wsb_error_details details = {.operation = operation_of(it)};
        undo(it);
        status =
            wsb_error_set(&error, WSB_ERROR_CANCELLED, &details, "%s: cancelled", operation_of(it));
    }
    return wsb__work_end(&it->work, status, error);
}

static void cancel(wsb__task *task)
{
    job *it = (job *)task;
    pthread_mutex_lock(&it->lock);
    it->cancelled = true;
    if (it->making)
        wsb_instance_cancel(it->making);
    wsb_status status =
        it->inner ? wsb_sandbox_cancel(it->inner, wsb_sandbox_main_instance(it->inner), NULL)
                  : WSB_OK;
    (void)status; /* it has a main instance as long as it is shown */
    pthread_mutex_unlock(&it->lock);
}

static const wsb__task_ops job_ops = {.step = step, .discard = discard, .cancel = cancel};

static void release(wsb_future *future)
{
    job *it = (job *)future;
    pthread_mutex_destroy(&it->lock);
    wsb__free(it);
}

static wsb_status invalid(const char *what, const char *why, wsb_error **out_error)
{
    wsb_error_details details = {.operation = what};
    return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, &details, "%s: %s", what, why);
}

/* With copies of the texts behind it. */
static job *create(job_kind kind, const wsb_str *texts, size_t count)
{
    size_t size = sizeof(job);
    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(size, texts[i].len, &size))
            return NULL;
    }
    job *it =
        wsb__work_create(size, kind == RUN ? WSB__RESULT_DATA : WSB__RESULT_ID, &job_ops, release);
    if (!it)
        return NULL;
    it->kind = kind;
    pthread_mutex_init(&it->lock, NULL);
    char *data = (char *)(it + 1);
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len)
            memcpy(data, texts[i].data, texts[i].len);
        it->texts[i] = (wsb_str){data, texts[i].len};
        data += texts[i].len;
    }
    return it;
}

static wsb_status check(const char *what, const wsb_str *texts, size_t count,
                        const void *out_future, wsb_error **out_error)
{
    if (!out_future)
        return invalid(what, "the place for the future is NULL", out_error);
    for (size_t i = 0; i < count; i++) {
        if (texts[i].len && !texts[i].data)
            return invalid(what, "data is NULL but its length is not 0", out_error);
    }
    return WSB_OK;
}

static wsb_status no_memory(const char *what, wsb_error **out_error)
{
    wsb_error_details details = {.operation = what};
    return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, &details, "%s: out of memory", what);
}

/* Queues a job of a sandbox, or of none. */
static wsb_status submit(job *it, wsb_sandbox *sandbox, const wsb_async_options *options,
                         wsb_future **out_future, wsb_error **out_error)
{
    wsb_status status = WSB_OK;
    if (sandbox)
        status = wsb__work_join(&it->work, sandbox, NULL, operation_of(it), out_error);
    if (status == WSB_OK)
        status = wsb__work_submit(&it->work, NULL, options, out_future, out_error);
    if (status != WSB_OK)
        wsb__work_abandon(&it->work);
    return status;
}

static wsb_status begin(wsb_sandbox *sandbox, const char *what, const wsb_async_options *options,
                        wsb_async_options *out_options, wsb_error **out_error)
{
    if (!sandbox)
        return invalid(what, "the sandbox is NULL", out_error);
    wsb_status status = wsb__runtime_check_fork(sandbox->runtime, what, out_error);
    return status == WSB_OK ? wsb__work_options(options, sandbox, out_options, out_error) : status;
}

static wsb_status load(wsb_sandbox *sandbox, job_kind kind, wsb_str text,
                       const wsb_async_options *options, wsb_future **out_future,
                       wsb_error **out_error)
{
    wsb_async_options resolved;
    wsb_status status = check("load module", &text, 1, out_future, out_error);
    if (status == WSB_OK)
        status = begin(sandbox, "load module", options, &resolved, out_error);
    if (status != WSB_OK)
        return status;
    job *it = create(kind, &text, 1);
    return it ? submit(it, sandbox, &resolved, out_future, out_error)
              : no_memory("load module", out_error);
}

wsb_status wsb_sandbox_load_module_async(wsb_sandbox *sandbox, wsb_bytes bytes,
                                         const wsb_async_options *options, wsb_future **out_future,
                                         wsb_error **out_error)
{
    return load(sandbox, LOAD_BYTES, (wsb_str){(const char *)bytes.data, bytes.len}, options,
                out_future, out_error);
}

wsb_status wsb_sandbox_load_module_file_async(wsb_sandbox *sandbox, wsb_str path,
                                              const wsb_async_options *options,
                                              wsb_future **out_future, wsb_error **out_error)
{
    return load(sandbox, LOAD_FILE, path, options, out_future, out_error);
}

wsb_status wsb_sandbox_create_instance_async(wsb_sandbox *sandbox, wsb_module_id module,
                                             const wsb_instance_config *config,
                                             const wsb_async_options *options,
                                             wsb_future **out_future, wsb_error **out_error)
{
    static const char what[] = "create instance";
    wsb_async_options resolved;
    wsb_instance_config given;
    wsb_status status = check(what, NULL, 0, out_future, out_error);
    if (status == WSB_OK)
        status = begin(sandbox, what, options, &resolved, out_error);
    if (status == WSB_OK)
        status = wsb__options_copy(config, &given, sizeof given, "wsb_instance_config", out_error);
    if (status != WSB_OK)
        return status;
    job *it = create(CREATE, NULL, 0);
    if (!it)
        return no_memory(what, out_error);
    it->module = module;
    it->has_config = config != NULL;
    it->config = given;
    return submit(it, sandbox, &resolved, out_future, out_error);
}

wsb_status wsb_run_async(wsb_str path, wsb_str function, wsb_str json_args, uint64_t timeout_ns,
                         const wsb_async_options *options, wsb_future **out_future,
                         wsb_error **out_error)
{
    wsb_str texts[3] = {path, function, json_args};
    wsb_async_options resolved;
    wsb_status status = check("run", texts, 3, out_future, out_error);
    if (status == WSB_OK)
        status = wsb__work_options(options, NULL, &resolved, out_error);
    if (status != WSB_OK)
        return status;
    job *it = create(RUN, texts, 3);
    if (!it)
        return no_memory("run", out_error);
    it->limit_ns = wsb__run_limit(timeout_ns);
    return submit(it, NULL, &resolved, out_future, out_error);
}
