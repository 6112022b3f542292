/*
 * A grader: runs a program that somebody submitted (a WASI command) on given input, in a read-only
 * directory, with limits on time, memory and output, and says how it ended.
 *
 *     grader PROGRAM.wasm [DIRECTORY] < input     grades a program
 *     grader                                      grades five small ones of its own
 */
#include "check.h"

#include <wasm_sandbox/wasm_sandbox.h>

typedef struct submission {
    wsb_bytes program;
    wsb_bytes input;
    const char *directory; /* what it may read as "/data"; NULL: none */
} submission;

typedef struct verdict {
    const char *text;
    int32_t exit_code;
    wsb_buf output;
    bool truncated;
    wsb_usage usage;
} verdict;

static const char *verdict_text(wsb_status status)
{
    switch (status) {
    case WSB_OK:
        return "ran to its end";
    case WSB_ERROR_TIMEOUT:
    case WSB_ERROR_CPU_TIME:
        return "time limit exceeded";
    case WSB_ERROR_GUEST_OUT_OF_MEMORY:
        return "memory limit exceeded";
    case WSB_ERROR_TRAP:
        return "crashed";
    case WSB_ERROR_INVALID_MODULE:
    case WSB_ERROR_UNSUPPORTED:
    case WSB_ERROR_UNKNOWN_IMPORT:
    case WSB_ERROR_LIMIT_EXCEEDED:
        return "not accepted";
    default:
        return NULL; /* our own trouble, not the submission's */
    }
}

/* Everything that a program gets; the rest is denied. */
static wsb_status run(wsb_sandbox *sandbox, wsb_module_id module, const submission *what,
                      verdict *out, wsb_error **error)
{
    static const wsb_str arguments[] = {{"program", 7}};
    wsb_filesystem_capability data = WSB_FILESYSTEM_CAPABILITY_INIT;
    data.host_path = wsb_cstr(what->directory);
    data.guest_path = wsb_cstr("/data");
    data.access = WSB_FILESYSTEM_READ_ONLY;

    wsb_capabilities capabilities = WSB_CAPABILITIES_INIT;
    capabilities.filesystem = &data;
    capabilities.filesystem_count = what->directory ? 1 : 0;
    capabilities.arguments = arguments;
    capabilities.argument_count = 1;
    capabilities.standard_input.kind = WSB_INPUT_BYTES;
    capabilities.standard_input.bytes = what->input;
    capabilities.standard_output.kind = WSB_OUTPUT_CAPTURE;
    capabilities.standard_error.kind = WSB_OUTPUT_DISCARD;
    capabilities.clocks = WSB_CLOCK_MONOTONIC;
    capabilities.random = WSB_RANDOM_SEEDED; /* the same numbers for everybody */
    capabilities.random_seed = 1;

    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_memory = 32 * WSB_MIB;
    limits.max_cpu_time = WSB_SECOND / 2;
    limits.max_wall_time = 2 * WSB_SECOND;
    limits.max_output = WSB_MIB / 16;

    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = &capabilities;
    config.limits = &limits;
    wsb_instance_id instance = 0;
    wsb_status status = wsb_sandbox_create_instance(sandbox, module, &config, &instance, error);
    if (status != WSB_OK)
        return status;
    status = wsb_sandbox_run(sandbox, instance, &out->exit_code, error);

    /* Output and usage are there however it ended. */
    wsb_error *problem = NULL;
    check(wsb_sandbox_output(sandbox, instance, WSB_STANDARD_OUTPUT, &out->output, &out->truncated,
                             &problem),
          &problem);
    check(wsb_sandbox_usage(sandbox, instance, &out->usage, &problem), &problem);
    check(wsb_sandbox_drop_instance(sandbox, instance, &problem), &problem);
    return status;
}

static verdict grade(wsb_sandbox *sandbox, const submission *what)
{
    verdict result = {NULL, 0, WSB_BUF_INIT, false, WSB_USAGE_INIT};
    wsb_error *error = NULL;
    wsb_module_id module = 0;
    wsb_status status = wsb_sandbox_load_module(sandbox, what->program, &module, &error);
    if (status == WSB_OK) {
        wsb_error *problem = NULL;
        status = run(sandbox, module, what, &result, &error);
        check(wsb_sandbox_unload_module(sandbox, module, &problem), &problem);
    }
    result.text = verdict_text(status);
    if (status != WSB_OK)
        report(status, error);
    expect(result.text != NULL, "the grader itself failed");
    wsb_error_destroy(error);
    return result;
}

static void show(const char *name, const verdict *result)
{
    printf("%s: %s, exit code %d, %zu bytes of output%s, %.1f ms, %llu KiB\n", name, result->text,
           (int)result->exit_code, result->output.len, result->truncated ? " (cut)" : "",
           (double)result->usage.cpu_time / 1e6, (unsigned long long)result->usage.memory / 1024);
}

/* Copies standard input to standard output: fd_read into 16, fd_write of what came. */
#define PROGRAM(body)                                                                              \
    "(module"                                                                                      \
    "  (import \"wasi_snapshot_preview1\" \"fd_read\""                                             \
    "    (func $read (param i32 i32 i32 i32) (result i32)))"                                       \
    "  (import \"wasi_snapshot_preview1\" \"fd_write\""                                            \
    "    (func $write (param i32 i32 i32 i32) (result i32)))"                                      \
    "  (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))"                 \
    "  (memory (export \"memory\") 1)"                                                             \
    "  (data (i32.const 0) \"\\10\\00\\00\\00\\00\\04\\00\\00\")"                                  \
    "  (func (export \"_start\") " body "))"
#define COPY                                                                                       \
    "(drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4)))"                  \
    "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))"

static const struct {
    const char *name, *program, *verdict;
    int32_t exit_code;
} own[] = {
    {"copy", PROGRAM(COPY), "ran to its end", 0},
    {"exit", PROGRAM("(call $exit (i32.const 3))"), "ran to its end", 3},
    {"loop", PROGRAM("(loop $l (br $l))"), "time limit exceeded", 0},
    {"hoard",
     PROGRAM("(loop $l (br_if $l (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0))))"
             " unreachable"),
     "memory limit exceeded", 0},
    {"crash", PROGRAM("unreachable"), "crashed", 0},
    {"garbage", "not a module", "not accepted", 0},
};

static void grade_own(wsb_sandbox *sandbox)
{
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        submission what = {wsb_bytes_of(own[i].program, strlen(own[i].program)),
                           wsb_bytes_of("1 2 3\n", 6), NULL};
        verdict result = grade(sandbox, &what);
        show(own[i].name, &result);
        expect(strcmp(result.text, own[i].verdict) == 0, own[i].name);
        expect(result.exit_code == own[i].exit_code, own[i].name);
        wsb_buf_fini(&result.output);
    }
}

/* Reads a stream to its end, at most `capacity` bytes. */
static wsb_bytes slurp(FILE *file, size_t capacity)
{
    uint8_t *data = file ? malloc(capacity) : NULL;
    if (!data) {
        perror("grader");
        exit(1);
    }
    size_t len = fread(data, 1, capacity, file);
    expect(!ferror(file) && len < capacity, "the input could not be read, or is too long");
    return wsb_bytes_of(data, len);
}

int main(int argc, char **argv)
{
    wsb_error *error = NULL;
    wsb_sandbox *sandbox = NULL;
    check(wsb_sandbox_create(NULL, &sandbox, &error), &error);
    if (argc < 2) {
        grade_own(sandbox);
    } else {
        FILE *file = fopen(argv[1], "rb");
        submission what = {slurp(file, 64 * WSB_MIB), slurp(stdin, 64 * WSB_MIB),
                           argc > 2 ? argv[2] : NULL};
        fclose(file);
        verdict result = grade(sandbox, &what);
        fwrite(result.output.data ? (const char *)result.output.data : "", 1, result.output.len,
               stdout);
        show(argv[1], &result);
        wsb_buf_fini(&result.output);
        free((void *)what.program.data);
        free((void *)what.input.data);
    }
    wsb_sandbox_destroy(sandbox);
    return 0;
}
