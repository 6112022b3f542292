#include "needs.h"

const cli_need_text cli_need_texts[CLI_NEED_COUNT] = {
    [CLI_NEED_STREAMS] = {"streams", "standard input and output (given by run)"},
    [CLI_NEED_FILES] = {"files", "files: --dir HOST[::GUEST] or --dir-rw HOST[::GUEST]"},
    [CLI_NEED_ARGUMENTS] = {"arguments", "arguments: what follows PROGRAM"},
    [CLI_NEED_ENVIRONMENT] = {"environment", "environment: --env NAME[=VALUE]"},
    [CLI_NEED_CLOCKS] = {"clocks", "clocks (given by run and call)"},
    [CLI_NEED_RANDOM] = {"random", "random numbers (given by run and call; --seed N)"},
    [CLI_NEED_SOCKETS] = {"sockets", "sockets: not supported, calls to them fail"},
    [CLI_NEED_HOST_FUNCTIONS] = {"host_functions",
                                 "functions of a host program: not available in this command"},
};

#define BIT(need) (1u << (need))

/* WASI preview 1 (github.com/WebAssembly/WASI, legacy/preview1/docs.md), by what a function is
 * for. Streams use the same functions as files do; opening a path tells files apart. */
static const struct {
    const char *name;
    uint32_t needs;
} wasi[] = {
    {"args_get", BIT(CLI_NEED_ARGUMENTS)},
    {"args_sizes_get", BIT(CLI_NEED_ARGUMENTS)},
    {"environ_get", BIT(CLI_NEED_ENVIRONMENT)},
    {"environ_sizes_get", BIT(CLI_NEED_ENVIRONMENT)},
    {"clock_res_get", BIT(CLI_NEED_CLOCKS)},
    {"clock_time_get", BIT(CLI_NEED_CLOCKS)},
    {"fd_advise", BIT(CLI_NEED_FILES)},
    {"fd_allocate", BIT(CLI_NEED_FILES)},
    {"fd_close", 0},
    {"fd_datasync", BIT(CLI_NEED_FILES)},
    {"fd_fdstat_get", 0},
    {"fd_fdstat_set_flags", 0},
    {"fd_fdstat_set_rights", 0},
    {"fd_filestat_get", 0},
    {"fd_filestat_set_size", BIT(CLI_NEED_FILES)},
    {"fd_filestat_set_times", BIT(CLI_NEED_FILES)},
    {"fd_pread", BIT(CLI_NEED_FILES)},
    {"fd_prestat_get", 0},
    {"fd_prestat_dir_name", 0},
    {"fd_pwrite", BIT(CLI_NEED_FILES)},
    {"fd_read", BIT(CLI_NEED_STREAMS)},
    {"fd_readdir", BIT(CLI_NEED_FILES)},
    {"fd_renumber", 0},
    {"fd_seek", 0},
    {"fd_sync", BIT(CLI_NEED_FILES)},
    {"fd_tell", 0},
    {"fd_write", BIT(CLI_NEED_STREAMS)},
    {"path_create_directory", BIT(CLI_NEED_FILES)},
    {"path_filestat_get", BIT(CLI_NEED_FILES)},
    {"path_filestat_set_times", BIT(CLI_NEED_FILES)},
    {"path_link", BIT(CLI_NEED_FILES)},
    {"path_open", BIT(CLI_NEED_FILES)},
    {"path_readlink", BIT(CLI_NEED_FILES)},
    {"path_remove_directory", BIT(CLI_NEED_FILES)},
    {"path_rename", BIT(CLI_NEED_FILES)},
    {"path_symlink", BIT(CLI_NEED_FILES)},
    {"path_unlink_file", BIT(CLI_NEED_FILES)},
    {"poll_oneoff", BIT(CLI_NEED_CLOCKS)},
    {"proc_exit", 0},
    {"proc_raise", 0},
    {"random_get", BIT(CLI_NEED_RANDOM)},
    {"sched_yield", 0},
    {"sock_accept", BIT(CLI_NEED_SOCKETS)},
    {"sock_recv", BIT(CLI_NEED_SOCKETS)},
    {"sock_send", BIT(CLI_NEED_SOCKETS)},
    {"sock_shutdown", BIT(CLI_NEED_SOCKETS)},
};

static bool is(wsb_str text, const char *name)
{
    return text.len == strlen(name) && memcmp(text.data, name, text.len) == 0;
}

/* The import's place in the table, or the table's length. */
static size_t find(const wsb_extern_info *import)
{
    size_t count = sizeof wasi / sizeof wasi[0];
    if (import->kind != WSB_EXTERN_FUNCTION ||
        (!is(import->module, "wasi_snapshot_preview1") && !is(import->module, "wasi_unstable"))) {
        return count;
    }
    size_t i = 0;
    while (i < count && !is(import->name, wasi[i].name)) {
        i++;
    }
    return i;
}

bool cli_import_is_unknown(const wsb_extern_info *import)
{
    return find(import) == sizeof wasi / sizeof wasi[0];
}

uint32_t cli_module_needs(const wsb_module_info *info)
{
    uint32_t needs = 0;
    for (size_t i = 0; i < info->import_count; i++) {
        size_t found = find(&info->imports[i]);
        needs |=
            found < sizeof wasi / sizeof wasi[0] ? wasi[found].needs : BIT(CLI_NEED_HOST_FUNCTIONS);
    }
    return needs;
}
