/* Real programs on the real engine: one that uses files, one that tries to get out, one that
 * waits for what never comes.
 * wsb-test: engine */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasm_sandbox/wasm_sandbox.h>

#include "support/engine.h"

static wsb_runtime *runtime;
static char folder[64];

static const char *in_folder(const char *name)
{
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/wsb-wasi-guest-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Guests are built into a folder beside this program. */
static wsb_module *load(const char *name)
{
    char own[PATH_MAX];
    char path[PATH_MAX + 64];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    assert_true(length > 0);
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    snprintf(path, sizeof path, "%s/guests/%s.wasm", own, name);
    wsb_module *module = NULL;
    wsb_error *error = NULL;
    if (wsb_module_compile_file(runtime, wsb_cstr(path), NULL, &module, &error) != WSB_OK)
        fail_msg("%s", wsb_error_message(error));
    return module;
}

/* Runs a guest once; what it wrote is in `output`. */
static wsb_status run(const char *name, wsb_capabilities *capabilities, uint64_t wall_ns,
                      char output[1024], int32_t *out_code)
{
    wsb_resource_limits limits = WSB_RESOURCE_LIMITS_INIT;
    limits.max_wall_time = wall_ns;
    wsb_instance_config config = WSB_INSTANCE_CONFIG_INIT;
    config.capabilities = capabilities;
    config.limits = &limits;
    wsb_module *module = load(name);
    wsb_instance *instance = NULL;
    assert_int_equal(wsb_instance_create(module, &config, &instance, NULL), WSB_OK);
    wsb_status status = wsb_instance_run(instance, out_code, NULL);
    wsb_bytes text = wsb_instance_output(instance, WSB_STANDARD_OUTPUT, NULL);
    snprintf(output, 1024, "%.*s", (int)text.len, text.data ? (const char *)text.data : "");
    wsb_instance_destroy(instance);
    wsb_module_destroy(module);
    return status;
}

static wsb_filesystem_capability directory(const char *host, const char *name,
                                           wsb_filesystem_access access)
{
    wsb_filesystem_capability out = WSB_FILESYSTEM_CAPABILITY_INIT;
    out.host_path = wsb_cstr(host);
    out.guest_path = wsb_cstr(name);
    out.access = access;
    out.allow_create = out.allow_delete = access == WSB_FILESYSTEM_READ_WRITE;
    return out;
}

static void test_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir(in_folder("in"), 0700), 0);
    wsb_filesystem_capability in = directory(in_folder("in"), "/in", WSB_FILESYSTEM_READ_WRITE);
    wsb_capabilities capabilities;
    wsb_capabilities_minimal(&capabilities);
    capabilities.filesystem = &in;
    capabilities.filesystem_count = 1;
    char output[1024];
    int32_t code = -1;
    assert_int_equal(run("wasi_files", &capabilities, 0, output, &code), WSB_OK);
    assert_string_equal(output, "fine\n");
    assert_int_equal(code, 0);
}

static atomic_bool stop;

static void *swap(void *data)
{
    char real[PATH_MAX];
    char evil[PATH_MAX];
    (void)data;
    snprintf(real, sizeof real, "%s/in/swap", folder);
    snprintf(evil, sizeof evil, "%s/in/evil", folder);
    while (!atomic_load(&stop))
        (void)renameat2(AT_FDCWD, real, AT_FDCWD, evil, RENAME_EXCHANGE);
    return NULL;
}

static void make_playground(void)
{
    static const char *const folders[] = {"in", "in/sub", "in/swap", "ro"};
    static const char *const links[][2] = {{"..", "in/up"},
                                           {"..", "in/evil"},
                                           {"/etc/passwd", "in/absolute"},
                                           {"/", "in/root"},
                                           {"/proc/self/root", "in/magic"},
                                           {"..", "ro/out"}};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(in_folder(folders[i]), 0700), 0);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        assert_int_equal(symlink(links[i][0], in_folder(links[i][1])), 0);
    write_file("secret", "SECRET");
    write_file("in/mine", "mine");
    write_file("in/swap/secret", "public");
    write_file("ro/file", "file");
}

static void test_escapes(void **state)
{
    (void)state;
    make_playground();
    const wsb_filesystem_capability both[] = {
        directory(in_folder("in"), "/in", WSB_FILESYSTEM_READ_WRITE),
        directory(in_folder("ro"), "/ro", WSB_FILESYSTEM_READ_ONLY)};
    wsb_capabilities capabilities;
    wsb_capabilities_minimal(&capabilities);
    capabilities.filesystem = both;
    capabilities.filesystem_count = 2;
    char output[1024];
    int32_t code = -1;
    pthread_t thread;
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
    wsb_status status = run("wasi_escape", &capabilities, 0, output, &code);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(status, WSB_OK);
    assert_string_equal(output, "0\n");
    assert_int_equal(code, 0);
    char text[16] = "";
    FILE *file = fopen(in_folder("secret"), "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    assert_string_equal(text, "SECRET");
}

static void test_waiting_ends(void **state)
{
    (void)state;
    static const char *const ways[] = {"read", "sleep", "poll"};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const wsb_str arguments[] = {wsb_cstr("block"), wsb_cstr(ways[i])};
        wsb_capabilities capabilities;
        wsb_capabilities_minimal(&capabilities);
        capabilities.arguments = arguments;
        capabilities.argument_count = 2;
        capabilities.standard_input.kind = WSB_INPUT_FD;
        capabilities.standard_input.fd = fds[0];
        char output[1024];
        int32_t code = -1;
        assert_int_equal(run("wasi_block", &capabilities, 50 * WSB_MILLISECOND, output, &code),
                         WSB_ERROR_TIMEOUT);
    }
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    wsb_error *error = NULL;
    if (wsb_runtime_create(test_engine(), NULL, &runtime, &error) != WSB_OK) {
        fprintf(stderr, "%s\n", wsb_error_message(error));
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_escapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting_ends, set_up, tear_down),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    wsb_runtime_destroy(runtime);
    return failed;
}
