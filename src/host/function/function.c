#include "host/function/function.h"

#include "core/alloc.h"
#include "core/buffer.h"
#include "core/little_endian.h"
#include "host/function/encode.h"

#include <wasm_sandbox/plugin/error.h>

/* An answer: the status, as the guest reads it, and what comes with it. */
typedef struct host_answer {
    int32_t code;
    wsb_buf data;
} host_answer;

/* Of an instance. */
typedef struct host_state {
    bool kept; /* `answer` was larger than the guest's room */
    host_answer answer;
} host_state;

/* The arguments of call(), all of the guest's choosing. */
typedef struct host_request {
    wsb_call_context *context;
    wsb_str name;
    wsb_encoding encoding;
    wsb_bytes input;
    uint32_t out_ptr;
    uint32_t room;
} host_request;

enum { STATUS_SIZE = 4 };

static bool range(wsb_call_context *context, uint32_t offset, uint32_t length, uint8_t **out_data)
{
    return wsb_call_context_memory(context, offset, length, out_data) == WSB_OK;
}

static int64_t length_of(const host_answer *answer)
{
    return (int64_t)answer->data.len + STATUS_SIZE;
}

/* Writes the answer where it fits. False where the guest's range is not in its memory. */
static bool deliver(wsb_call_context *context, const host_answer *answer, uint32_t ptr)
{
    uint8_t *out;
    if (!range(context, ptr, (uint32_t)length_of(answer), &out))
        return false;
    wsb__put32(out, (uint32_t)answer->code);
    if (answer->data.len > 0)
        memcpy(out + STATUS_SIZE, answer->data.data, answer->data.len);
    return true;
}

static void forget(host_state *state)
{
    wsb_buf_fini(&state->answer.data);
    state->kept = false;
}

/* Takes the answer over: to the guest, or to be taken later. */
static int64_t hand_out(const host_request *request, host_state *state, host_answer *answer)
{
    int64_t length = length_of(answer);
    if (length > request->room) {
        state->answer = *answer;
        state->kept = true;
        return length;
    }
    bool written = deliver(request->context, answer, request->out_ptr);
    wsb_buf_fini(&answer->data);
    return written ? length : WSB__GUEST_INVALID;
}

static int64_t answer_report(const host_request *request, host_state *state,
                             const wsb__report *report, host_answer *answer)
{
    wsb_buf_fini(&answer->data);
    answer->code = report->code != 0 ? report->code : 1;
    if (report->len > 0 &&
        wsb__buf_append(&answer->data, report->message, report->len, WSB__REPORT_MAX) != WSB_OK)
        return WSB__GUEST_NO_ROOM;
    return hand_out(request, state, answer);
}

static int shown(wsb_str name)
{
    return name.len > 100 ? 100 : (int)name.len;
}

/* True: `*out_length` is the guest's. False: the guest ends. */
static bool answer_output(const host_request *request, host_state *state,
                          const wsb__structured *function, host_answer *answer, int64_t *out_length)
{
    int guest_error = 0;
    wsb_error *error = NULL;
    wsb_status status =
        wsb__encode_output(function, request->encoding, &answer->data, &guest_error, &error);
    if (status == WSB_OK && guest_error == 0) {
        *out_length = hand_out(request, state, answer);
        return true;
    }
    if (status != WSB_OK)
        wsb_call_context_fail(request->context, status, "'%.*s': %s", shown(function->name),
                              function->name.data, wsb_error_message(error));
    wsb_error_destroy(error);
    wsb_buf_fini(&answer->data);
    *out_length = guest_error;
    return status == WSB_OK;
}

static bool run(const host_request *request, host_state *state, const wsb__structured *function,
                wsb_bytes input, int64_t *out_length)
{
    wsb__report report;
    host_answer answer = {.code = 0, .data = WSB_BUF_INIT};
    switch (wsb__structured_run(request->context, function, input, &answer.data, &report)) {
    case WSB__STRUCTURED_DONE:
        return answer_output(request, state, function, &answer, out_length);
    case WSB__STRUCTURED_REPORTED:
        *out_length = answer_report(request, state, &report, &answer);
        return true;
    default:
        wsb_buf_fini(&answer.data);
        return false;
    }
}

/* 0 or an error. Nothing is called before every range is known to be good. */
static int read_request(const wsb_raw_value *values, host_request *out_request)
{
    uint8_t *name;
    uint8_t *input;
    uint8_t *out;
    out_request->out_ptr = values[5].u32;
    out_request->room = values[6].u32;
    if (!range(out_request->context, values[0].u32, values[1].u32, &name) ||
        !range(out_request->context, values[3].u32, values[4].u32, &input) ||
        !range(out_request->context, out_request->out_ptr, out_request->room, &out) ||
        values[2].u32 > WSB_ENCODING_BYTES)
        return WSB__GUEST_INVALID;
    out_request->name = (wsb_str){(const char *)name, values[1].u32};
    out_request->encoding = (wsb_encoding)values[2].u32;
    out_request->input = wsb_bytes_of(input, values[4].u32);
    return 0;
}

static const wsb__structured *find(const host_request *request)
{
    const wsb__structured *function = NULL;
    if (request->name.len <= WSB__STRUCTURED_NAME_MAX)
        function = wsb__structured_find(wsb_call_context_instance(request->context), request->name);
    if (function == NULL)
        wsb__guest_denied(request->context, "host_call", "imports",
                          (const uint8_t *)request->name.data, (uint32_t)request->name.len);
    return function;
}

static wsb_host_result call(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    host_state *state = user_data;
    host_request request = {.context = context};
    const wsb__structured *function = NULL;
    wsb_buf storage = WSB_BUF_INIT;
    wsb_bytes input;
    int64_t length = read_request(values, &request);
    bool goes_on = true;
    if (length == 0) {
        function = find(&request);
        length = function == NULL                                  ? WSB__GUEST_NOT_FOUND
                 : wsb__encodings_meet(function, request.encoding) ? 0
                                                                   : WSB__GUEST_INVALID;
    }
    if (length == 0)
        length = wsb__encode_input(function, request.encoding, request.input, &storage, &input);
    if (length == 0) {
        forget(state);
        goes_on = run(&request, state, function, input, &length);
    }
    wsb_buf_fini(&storage);
    values[0].i64 = length;
    return goes_on ? WSB_HOST_DONE : WSB_HOST_TRAP;
}

static wsb_host_result take(wsb_call_context *context, wsb_raw_value *values, void *user_data)
{
    host_state *state = user_data;
    uint8_t *out;
    uint32_t ptr = values[0].u32;
    uint32_t room = values[1].u32;
    int64_t length = state->kept ? length_of(&state->answer) : WSB__GUEST_NOT_FOUND;
    if (!range(context, ptr, room, &out)) {
        length = WSB__GUEST_INVALID;
    } else if (state->kept && length <= room) {
        if (!deliver(context, &state->answer, ptr))
            length = WSB__GUEST_INVALID;
        forget(state);
    }
    values[0].i64 = length;
    return WSB_HOST_DONE;
}

static wsb_status create(wsb_instance *instance, const wsb_capabilities *capabilities,
                         const wsb_resource_limits *limits, void **out_state, wsb_error **out_error)
{
    (void)capabilities;
    (void)limits;
    if (!wsb__structured_offered(instance))
        return wsb__guest_not_granted(
            instance, "wsb_host", "host functions",
            "define them with wsb_imports_define_structured() in the set that is given as "
            "wsb_instance_config.imports",
            out_error);
    host_state *state = wsb__calloc(1, sizeof *state);
    if (state == NULL)
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL,
                             "no memory for the calls of host functions");
    *out_state = state;
    return WSB_OK;
}

static void destroy(void *user_data)
{
    if (user_data != NULL)
        forget(user_data);
    wsb__free(user_data);
}

static const char *const module_names[] = {"wsb_host", NULL};

static const wsb_host_module_function functions[] = {
    {"call", "iiiiiii:I", call, true},
    {"take", "ii:I", take, true},
    {NULL, NULL, NULL, false},
};

const wsb_host_module_ops wsb__host_functions = {
    .size = sizeof(wsb_host_module_ops),
    .abi_version = WSB_HOST_MODULE_ABI_VERSION,
    .id = "host_functions",
    .module_names = module_names,
    .functions = functions,
    .instance_create = create,
    .instance_destroy = destroy,
    .call_begin = NULL,
};
