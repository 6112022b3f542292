/* The host of the guest SDKs' tests: makes a guest's instance with channels and host functions, and
 * does what each argument says, in turn, with a line of output for what came of it.
 *
 *   sdk_host ENGINE direct|fiber GUEST STEP…
 *
 *   call FUNCTION JSON     bytes FUNCTION TEXT      calls the guest
 *   start FUNCTION JSON    run                      the same on a thread; join waits for its end
 *   send CHANNEL TEXT      fill CHANNEL COUNT       a message of that text, or of COUNT letters
 *   answer CHANNEL TEXT                             the same on the lane of results
 *   receive CHANNEL        result CHANNEL           a message, a result of the guest
 *   close CHANNEL
 *   json METHOD PARAMS     msgpack METHOD HEX       calls a method of the guest, on "rpc"
 *   methods json|msgpack                            offers methods on "rpc", served on a thread
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasm_sandbox/plugin/channel.h>
#include <wasm_sandbox/wasm_sandbox.h>

#define MAX_TEXT 4096
static const uint64_t patience = 20ull * 1000 * 1000 * 1000;

enum { JOBS, ORDERS, CLOSED, RPC, CHANNELS };
static const char *const names[CHANNELS] = {"jobs", "orders", "closed", "rpc"};

typedef struct test_host {
    wsb_sandbox *sandbox;
    wsb_instance_id instance;
    wsb_channel *ends[CHANNELS];
    wsb_rpc_channel *rpc;
    pthread_t guest, server;
    bool guest_runs, server_runs;
    char function[64], input[MAX_TEXT]; /* of the guest's thread */
    char outcome[MAX_TEXT];
} test_host;

static void give_up(const char *what, wsb_error *error)
{
    fprintf(stderr, "sdk_host: %s: %s\n", what, error ? wsb_error_message(error) : "");
    exit(2);
}

static void must(wsb_status status, const char *what, wsb_error *error)
{
    if (status != WSB_OK)
        give_up(what, error);
}

/* What came of something, as one line; a long text is only told about. */
static void tell(char *line, wsb_status status, const wsb_buf *data, wsb_error *error)
{
    if (status != WSB_OK)
        snprintf(line, MAX_TEXT, "%s %" PRId32 " %s", wsb_status_name(status),
                 wsb_error_code(error), error ? wsb_error_message(error) : "");
    else if (data->len > 1000)
        snprintf(line, MAX_TEXT, "%zu bytes, %c to %c", data->len, data->data[0],
                 data->data[data->len - 1]);
    else
        snprintf(line, MAX_TEXT, "%.*s", (int)data->len, (const char *)data->data);
    wsb_error_destroy(error);
}

static wsb_status price(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                        void *user_data)
{
    (void)user_data;
    if (input.len == 7 && memcmp(input.data, "\"apple\"", 7) == 0)
        return wsb_buf_assign(io_output, wsb_bytes_of("1.5", 3));
    if (input.len == 6 && memcmp(input.data, "\"pear\"", 6) == 0)
        return wsb_buf_assign(io_output, wsb_bytes_of("2", 1));
    return wsb_call_context_report(context, 404, "no price for %.*s", (int)input.len,
                                   (const char *)input.data);
}

/* The sum of the bytes, and as many zeros as the first one says times 1,000: a long answer. */
static wsb_status checksum(wsb_call_context *context, wsb_bytes input, wsb_buf *io_output,
                           void *user_data)
{
    (void)context;
    (void)user_data;
    unsigned sum = 0;
    for (size_t i = 0; i < input.len; i++)
        sum += input.data[i];
    size_t zeros = input.len ? (size_t)(input.data[0] - '0') * 1000 : 0;
    char *text = calloc(1, zeros + 32);
    if (!text)
        return WSB_ERROR_OUT_OF_MEMORY;
    memset(text, '0', zeros);
    size_t len = zeros + (size_t)snprintf(text + zeros, 32, "%u", sum);
    wsb_status status = wsb_buf_assign(io_output, wsb_bytes_of(text, len));
    free(text);
    return status;
}

static wsb_imports *functions(void)
{
    wsb_imports *imports = NULL;
    wsb_error *error = NULL;
    must(wsb_imports_create(&imports, &error), "imports", error);
    wsb_structured_function function = WSB_STRUCTURED_FUNCTION_INIT;
    function.name = wsb_cstr("price");
    function.call = price;
    must(wsb_imports_define_structured(imports, &function, &error), "price", error);
    function.name = wsb_cstr("checksum");
    function.encoding = WSB_ENCODING_BYTES;
    function.call = checksum;
    must(wsb_imports_define_structured(imports, &function, &error), "checksum", error);
    return imports;
}

/* Compiled guests are kept where the user's are: the tests set a folder of their own. */
static void make_sandbox(test_host *host, const char *engine)
{
    wsb_error *error = NULL;
    wsb_buf directory = WSB_BUF_INIT, key_path = WSB_BUF_INIT;
    must(wsb_code_cache_default_paths(&directory, &key_path, &error), "code cache", error);
    wsb_code_cache cache = WSB_CODE_CACHE_INIT;
    cache.directory = wsb_cstr((const char *)directory.data);
    wsb_runtime_options runtime = WSB_RUNTIME_OPTIONS_INIT;
    runtime.code_cache = &cache;
    runtime.key_path = wsb_cstr((const char *)key_path.data);
    wsb_sandbox_options options = WSB_SANDBOX_OPTIONS_INIT;
    options.engine = wsb_cstr(engine);
    options.runtime = &runtime;
    must(wsb_sandbox_create(&options, &host->sandbox, &error), "sandbox", error);
    wsb_buf_fini(&directory);
    wsb_buf_fini(&key_path);
}

static void make(test_host *host, const char *engine, const char *mode, const char *path)
{
    wsb_error *error = NULL;
    make_sandbox(host, engine);
    wsb_module_id module = 0;
    must(wsb_sandbox_load_module_file(host->sandbox, wsb_cstr(path), &module, &error), path, error);

    wsb_channel *others[CHANNELS] = {NULL};
    wsb_channel_grant grants[CHANNELS];
    for (int i = 0; i < CHANNELS; i++) {
        must(wsb_memory_channel_create(0, &host->ends[i], &others[i], &error), names[i], error);
        grants[i] = (wsb_channel_grant){wsb_cstr(names[i]), others[i]};
    }
    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    wsb_capabilities_minimal(&capabilities);
    capabilities.channels = grants;
    capabilities.channel_count = CHANNELS;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = &capabilities;
    config.imports = functions();
    config.mode = strcmp(mode, "fiber") == 0 ? WSB_EXECUTION_FIBER : WSB_EXECUTION_DIRECT;
    must(wsb_sandbox_create_instance(host->sandbox, module, &config, &host->instance, &error),
         "instance", error);
    wsb_imports_destroy(config.imports);
    for (int i = 0; i < CHANNELS; i++)
        wsb_channel_destroy(others[i]);
    wsb_channel_close(host->ends[CLOSED]);
}

static wsb_channel *end_of(test_host *host, const char *name)
{
    for (int i = 0; i < CHANNELS; i++)
        if (strcmp(name, names[i]) == 0)
            return host->ends[i];
    give_up(name, NULL);
    return NULL;
}

static void call(test_host *host, const char *function, const char *input, bool bytes, char *line)
{
    wsb_buf output = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_bytes data = wsb_bytes_of(input, strlen(input));
    wsb_status status =
        bytes ? wsb_sandbox_call_function_bytes(host->sandbox, host->instance, wsb_cstr(function),
                                                data, &output, &error)
              : wsb_sandbox_call_function_json(host->sandbox, host->instance, wsb_cstr(function),
                                               wsb_cstr(input), &output, &error);
    tell(line, status, &output, error);
    wsb_buf_fini(&output);
}

static void *run_guest(void *argument)
{
    test_host *host = argument;
    if (host->function[0]) {
        call(host, host->function, host->input, false, host->outcome);
        return NULL;
    }
    int32_t exit_code = 0;
    wsb_error *error = NULL;
    wsb_status status = wsb_sandbox_run(host->sandbox, host->instance, &exit_code, &error);
    snprintf(host->outcome, sizeof host->outcome, "%s, exit code %" PRId32, wsb_status_name(status),
             exit_code);
    wsb_error_destroy(error);
    return NULL;
}

static void start(test_host *host, const char *function, const char *input)
{
    snprintf(host->function, sizeof host->function, "%s", function);
    snprintf(host->input, sizeof host->input, "%s", input);
    if (host->guest_runs || pthread_create(&host->guest, NULL, run_guest, host) != 0)
        give_up("start", NULL);
    host->guest_runs = true;
}

static void join(test_host *host, char *line)
{
    if (host->guest_runs)
        pthread_join(host->guest, NULL);
    host->guest_runs = false;
    snprintf(line, MAX_TEXT, "%s", host->outcome);
}

typedef wsb_status send_fn(wsb_channel *channel, wsb_bytes message, uint64_t timeout_ns,
                           wsb_error **out_error);
typedef wsb_status receive_fn(wsb_channel *channel, wsb_buf *io_message, uint64_t timeout_ns,
                              wsb_error **out_error);

static void send_with(send_fn *send, wsb_channel *end, wsb_bytes data, char *line)
{
    static const wsb_buf nothing = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = send(end, data, patience, &error);
    tell(line, status, &nothing, error);
}

static void fill(wsb_channel *end, size_t len, char *line)
{
    char *text = malloc(len);
    if (!text)
        give_up("fill", NULL);
    memset(text, 'x', len);
    send_with(wsb_channel_send, end, wsb_bytes_of(text, len), line);
    free(text);
}

static void receive_with(receive_fn *receive, wsb_channel *end, char *line)
{
    wsb_buf message = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = receive(end, &message, patience, &error);
    tell(line, status, &message, error);
    wsb_buf_fini(&message);
}

static wsb_rpc_channel *rpc_of(test_host *host, const char *framing)
{
    wsb_error *error = NULL;
    wsb_rpc_options options = WSB_RPC_OPTIONS_INIT;
    options.framing = strcmp(framing, "json") == 0 ? WSB_RPC_JSON : WSB_RPC_MSGPACK;
    if (!host->rpc)
        must(wsb_rpc_channel_create(host->ends[RPC], &options, &host->rpc, &error), "rpc", error);
    return host->rpc;
}

/* MessagePack is written and shown as pairs of digits. */
static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;
    unsigned byte = 0;
    for (; sscanf(hex + 2 * len, "%2x", &byte) == 1; len++)
        out[len] = (uint8_t)byte;
    return len;
}

static void to_hex(const wsb_buf *data, char *line)
{
    line[0] = '\0';
    for (size_t i = 0; i < data->len && 2 * i + 2 < MAX_TEXT; i++)
        snprintf(line + 2 * i, 3, "%02x", (unsigned)data->data[i]);
}

static void call_method(test_host *host, const char *framing, const char *method,
                        const char *params, char *line)
{
    bool json = strcmp(framing, "json") == 0;
    uint8_t packed[MAX_TEXT];
    wsb_bytes data = json ? wsb_bytes_of(params, strlen(params))
                          : wsb_bytes_of(packed, from_hex(params, packed));
    wsb_buf result = WSB_BUF_INIT;
    wsb_error *error = NULL;
    wsb_status status = wsb_rpc_channel_call(rpc_of(host, framing), wsb_cstr(method), data,
                                             patience, &result, &error);
    if (status == WSB_OK && !json)
        to_hex(&result, line);
    else
        tell(line, status, &result, error);
    wsb_buf_fini(&result);
}

/* Takes [n], in JSON or MessagePack. */
static wsb_status twice(wsb_rpc_request *request, wsb_buf *io_result, void *user_data)
{
    const char *framing = user_data;
    wsb_bytes params = wsb_rpc_request_params(request);
    if (strcmp(framing, "msgpack") == 0) {
        if (params.len != 2 || params.data[0] != 0x91 || params.data[1] > 63)
            return wsb_rpc_request_fail(request, WSB_RPC_INVALID_PARAMS, "not [n]");
        uint8_t doubled = (uint8_t)(2 * params.data[1]);
        return wsb_buf_assign(io_result, wsb_bytes_of(&doubled, 1));
    }
    char text[32] = "";
    int number = 0;
    snprintf(text, sizeof text, "%.*s", (int)params.len, (const char *)params.data);
    if (sscanf(text, "[%d]", &number) != 1)
        return wsb_rpc_request_fail(request, WSB_RPC_INVALID_PARAMS, "not [n]");
    int len = snprintf(text, sizeof text, "%d", 2 * number);
    return wsb_buf_assign(io_result, wsb_bytes_of(text, (size_t)len));
}

static void *serve(void *argument)
{
    test_host *host = argument;
    wsb_error *error = NULL;
    wsb_status status = wsb_rpc_channel_serve(host->rpc, patience, &error);
    if (status != WSB_OK)
        fprintf(stderr, "sdk_host: serve: %s\n", wsb_status_name(status));
    wsb_error_destroy(error);
    return NULL;
}

static void offer_methods(test_host *host, char *framing)
{
    wsb_error *error = NULL;
    must(wsb_rpc_channel_register(rpc_of(host, framing), wsb_cstr("double"), twice, framing, NULL,
                                  &error),
         "double", error);
    if (pthread_create(&host->server, NULL, serve, host) != 0)
        give_up("methods", NULL);
    host->server_runs = true;
}

typedef void step_fn(test_host *host, char *first, char *second, char *line);

static void step_call(test_host *host, char *function, char *json, char *line)
{
    call(host, function, json, false, line);
}

static void step_bytes(test_host *host, char *function, char *text, char *line)
{
    call(host, function, text, true, line);
}

static void step_start(test_host *host, char *function, char *json, char *line)
{
    (void)line;
    start(host, function, json);
}

static void step_join(test_host *host, char *first, char *second, char *line)
{
    (void)first;
    (void)second;
    join(host, line);
}

static void step_send(test_host *host, char *channel, char *text, char *line)
{
    send_with(wsb_channel_send, end_of(host, channel), wsb_bytes_of(text, strlen(text)), line);
}

static void step_answer(test_host *host, char *channel, char *text, char *line)
{
    wsb_bytes data = wsb_bytes_of(text, strlen(text));
    send_with(wsb_channel_send_result, end_of(host, channel), data, line);
}

static void step_fill(test_host *host, char *channel, char *count, char *line)
{
    fill(end_of(host, channel), (size_t)strtoul(count, NULL, 10), line);
}

static void step_result(test_host *host, char *channel, char *second, char *line)
{
    (void)second;
    receive_with(wsb_channel_receive_result, end_of(host, channel), line);
}

static void step_receive(test_host *host, char *channel, char *second, char *line)
{
    (void)second;
    receive_with(wsb_channel_receive, end_of(host, channel), line);
}

static void step_close(test_host *host, char *channel, char *second, char *line)
{
    (void)second;
    (void)line;
    wsb_channel_close(end_of(host, channel));
}

static void step_json(test_host *host, char *method, char *params, char *line)
{
    call_method(host, "json", method, params, line);
}

static void step_msgpack(test_host *host, char *method, char *hex, char *line)
{
    call_method(host, "msgpack", method, hex, line);
}

static void step_methods(test_host *host, char *framing, char *second, char *line)
{
    (void)second;
    (void)line;
    offer_methods(host, framing);
}

static const struct {
    const char *verb;
    step_fn *run;
} steps[] = {{"call", step_call},       {"bytes", step_bytes},    {"start", step_start},
             {"run", step_start},       {"join", step_join},      {"answer", step_answer},
             {"receive", step_receive}, {"send", step_send},      {"fill", step_fill},
             {"result", step_result},   {"close", step_close},    {"json", step_json},
             {"msgpack", step_msgpack}, {"methods", step_methods}};

/* Words are apart by one blank; the last one goes to the end. */
static void step(test_host *host, char *text, char *line)
{
    char *end = text + strlen(text);
    char *first = text + strcspn(text, " ");
    if (first < end)
        *first++ = '\0';
    char *second = first + strcspn(first, " ");
    if (second < end)
        *second++ = '\0';
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(text, steps[i].verb) == 0) {
            steps[i].run(host, first, second, line);
            return;
        }
    give_up(text, NULL);
}

int main(int argc, char **argv)
{
    static test_host host;
    static char line[MAX_TEXT];
    if (argc < 4)
        give_up("usage: sdk_host ENGINE direct|fiber GUEST STEP...", NULL);
    make(&host, argv[1], argv[2], argv[3]);
    for (int i = 4; i < argc; i++) {
        line[0] = '\0';
        step(&host, argv[i], line);
        puts(line);
    }
    wsb_channel_close(host.ends[RPC]);
    if (host.server_runs)
        pthread_join(host.server, NULL);
    if (host.guest_runs)
        pthread_join(host.guest, NULL);
    wsb_rpc_channel_destroy(host.rpc);
    wsb_sandbox_destroy(host.sandbox);
    for (int i = 0; i < CHANNELS; i++)
        wsb_channel_destroy(host.ends[i]);
    return 0;
}
