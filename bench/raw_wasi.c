#include "raw_wasi.h"

#include "bench.h"
#include "raw.h"

#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WASI_OK = 0, WASI_BADF = 8, WASI_FAULT = 21, WASI_INVAL = 28, WASI_NOSYS = 52 };

typedef wasm_trap_t *raw_result;
#define RAW_FUNCTION(name)                                                                         \
    static raw_result name(void *env, wasmtime_caller_t *caller, wasmtime_val_raw_t *values,       \
                           size_t count)

/* `len` bytes of the guest at `offset`, NULL where they are not all inside. */
static uint8_t *range(raw_wasi *wasi, uint32_t offset, uint64_t len)
{
    size_t size = wasmtime_memory_data_size(wasi->context, &wasi->memory);
    if (offset > size || len > size - offset) {
        return NULL;
    }
    return wasmtime_memory_data(wasi->context, &wasi->memory) + offset;
}

static bool put(raw_wasi *wasi, int32_t offset, const void *data, size_t len)
{
    uint8_t *at = range(wasi, (uint32_t)offset, len);
    if (at) {
        memcpy(at, data, len);
    }
    return at != NULL;
}

static raw_result answer(wasmtime_val_raw_t *values, int32_t code)
{
    values[0].i32 = code;
    return NULL;
}

RAW_FUNCTION(args_sizes_get)
{
    (void)caller, (void)count;
    raw_wasi *wasi = env;
    uint32_t argc = (uint32_t)wasi->argc, size = 0;
    for (uint32_t i = 0; i < argc; i++) {
        size += (uint32_t)strlen(wasi->argv[i]) + 1;
    }
    bool ok = put(wasi, values[0].i32, &argc, 4) && put(wasi, values[1].i32, &size, 4);
    return answer(values, ok ? WASI_OK : WASI_FAULT);
}

RAW_FUNCTION(args_get)
{
    (void)caller, (void)count;
    raw_wasi *wasi = env;
    int32_t pointers = values[0].i32, text = values[1].i32;
    for (int i = 0; i < wasi->argc; i++) {
        size_t len = strlen(wasi->argv[i]) + 1;
        if (!put(wasi, pointers + 4 * i, &text, 4) || !put(wasi, text, wasi->argv[i], len)) {
            return answer(values, WASI_FAULT);
        }
        text += (int32_t)len;
    }
    return answer(values, WASI_OK);
}

RAW_FUNCTION(environ_sizes_get)
{
    (void)caller, (void)count;
    uint32_t none = 0;
    bool ok = put(env, values[0].i32, &none, 4) && put(env, values[1].i32, &none, 4);
    return answer(values, ok ? WASI_OK : WASI_FAULT);
}

RAW_FUNCTION(environ_get)
{
    (void)env, (void)caller, (void)count;
    return answer(values, WASI_OK);
}

RAW_FUNCTION(clock_time_get)
{
    (void)caller, (void)count;
    struct timespec t;
    clock_gettime(values[0].i32 == 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC, &t);
    uint64_t ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    return answer(values, put(env, values[2].i32, &ns, 8) ? WASI_OK : WASI_FAULT);
}

RAW_FUNCTION(clock_res_get)
{
    (void)caller, (void)count;
    uint64_t ns = 1;
    return answer(values, put(env, values[1].i32, &ns, 8) ? WASI_OK : WASI_FAULT);
}

RAW_FUNCTION(random_get)
{
    (void)caller, (void)count;
    uint32_t len = (uint32_t)values[1].i32;
    uint8_t *at = range(env, (uint32_t)values[0].i32, len);
    return answer(values, at && getrandom(at, len, 0) == (ssize_t)len ? WASI_OK : WASI_FAULT);
}

RAW_FUNCTION(fd_write)
{
    (void)caller, (void)count;
    raw_wasi *wasi = env;
    uint32_t vectors = (uint32_t)values[2].i32;
    struct iovec iov[16];
    if (values[0].i32 != 1 && values[0].i32 != 2) {
        return answer(values, WASI_BADF);
    }
    if (vectors > 16) {
        return answer(values, WASI_INVAL);
    }
    for (uint32_t i = 0; i < vectors; i++) {
        uint32_t pair[2];
        uint8_t *at = range(wasi, (uint32_t)values[1].i32 + 8 * i, 8);
        if (!at) {
            return answer(values, WASI_FAULT);
        }
        memcpy(pair, at, 8);
        iov[i].iov_base = range(wasi, pair[0], pair[1]);
        iov[i].iov_len = pair[1];
        if (!iov[i].iov_base) {
            return answer(values, WASI_FAULT);
        }
    }
    ssize_t written = writev(values[0].i32, iov, (int)vectors);
    uint32_t total = (uint32_t)written;
    bool ok = written >= 0 && put(wasi, values[3].i32, &total, 4);
    return answer(values, ok ? WASI_OK : WASI_FAULT);
}

/* Standard streams are character devices with all rights. */
RAW_FUNCTION(fd_fdstat_get)
{
    (void)caller, (void)count;
    uint8_t stat[24] = {2};
    memset(stat + 8, 0xff, 16);
    if (values[0].i32 < 0 || values[0].i32 > 2) {
        return answer(values, WASI_BADF);
    }
    return answer(values, put(env, values[1].i32, stat, sizeof stat) ? WASI_OK : WASI_FAULT);
}

RAW_FUNCTION(fd_filestat_get)
{
    (void)caller, (void)count;
    uint8_t stat[64] = {0};
    stat[16] = 2;
    if (values[0].i32 < 0 || values[0].i32 > 2) {
        return answer(values, WASI_BADF);
    }
    return answer(values, put(env, values[1].i32, stat, sizeof stat) ? WASI_OK : WASI_FAULT);
}

RAW_FUNCTION(bad_descriptor)
{
    (void)env, (void)caller, (void)count;
    return answer(values, WASI_BADF);
}

RAW_FUNCTION(not_here)
{
    (void)env, (void)caller, (void)count;
    return answer(values, WASI_NOSYS);
}

RAW_FUNCTION(proc_exit)
{
    (void)caller, (void)count;
    raw_wasi *wasi = env;
    wasi->exited = true;
    wasi->exit_code = values[0].i32;
    return wasmtime_trap_new("exit", 4);
}

static wasmtime_func_unchecked_callback_t function_of(const wasm_name_t *name)
{
    static const struct {
        const char *name;
        wasmtime_func_unchecked_callback_t call;
    } functions[] = {
        {"args_get", args_get},
        {"args_sizes_get", args_sizes_get},
        {"environ_get", environ_get},
        {"environ_sizes_get", environ_sizes_get},
        {"clock_res_get", clock_res_get},
        {"clock_time_get", clock_time_get},
        {"random_get", random_get},
        {"fd_write", fd_write},
        {"fd_fdstat_get", fd_fdstat_get},
        {"fd_filestat_get", fd_filestat_get},
        {"fd_close", bad_descriptor},
        {"fd_seek", bad_descriptor},
        {"fd_tell", bad_descriptor},
        {"fd_read", bad_descriptor},
        {"fd_prestat_get", bad_descriptor},
        {"fd_prestat_dir_name", bad_descriptor},
        {"proc_exit", proc_exit},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (strlen(functions[i].name) == name->size &&
            memcmp(functions[i].name, name->data, name->size) == 0) {
            return functions[i].call;
        }
    }
    return not_here;
}

void raw_wasi_define(wasmtime_linker_t *linker, const wasmtime_module_t *module, raw_wasi *wasi)
{
    wasm_importtype_vec_t imports;
    wasmtime_module_imports(module, &imports);
    for (size_t i = 0; i < imports.size; i++) {
        const wasm_name_t *space = wasm_importtype_module(imports.data[i]);
        const wasm_name_t *name = wasm_importtype_name(imports.data[i]);
        const wasm_functype_t *type =
            wasm_externtype_as_functype_const(wasm_importtype_type(imports.data[i]));
        if (!type) {
            bench_fail("raw: an import that is no function");
        }
        raw_check(wasmtime_linker_define_func_unchecked(linker, space->data, space->size,
                                                        name->data, name->size, type,
                                                        function_of(name), wasi, NULL),
                  NULL);
    }
    wasm_importtype_vec_delete(&imports);
}

void raw_wasi_attach(raw_wasi *wasi, wasmtime_context_t *context,
                     const wasmtime_instance_t *instance)
{
    wasmtime_extern_t item;
    if (!wasmtime_instance_export_get(context, instance, "memory", 6, &item) ||
        item.kind != WASMTIME_EXTERN_MEMORY) {
        bench_fail("raw: no memory");
    }
    wasi->context = context;
    wasi->memory = item.of.memory;
}
