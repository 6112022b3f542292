/* transform IN OUT-PREFIX [ADD…]: writes what native/module makes of a module, once for each ADD
 * (WSBN_ADD_* bits as a number), to OUT-PREFIX.ADD.wasm.
 *
 * Ends with 0 where the module was taken, 3 where the scan refuses it for a proposal that is off
 * (whose name is printed), 4 where it is over a bound, 1 otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wsb_native_module.h>

enum { REFUSED_PROPOSAL = 3, REFUSED_BOUND = 4, MAX_PATH = 1024 };

static uint8_t *read_file(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *bytes = NULL;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        long size = ftell(file);
        rewind(file);
        bytes = size >= 0 ? malloc((size_t)size + 1) : NULL;
        if (bytes != NULL) {
            *out_len = fread(bytes, 1, (size_t)size, file);
        }
    }
    if (file == NULL || bytes == NULL) {
        perror(path);
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

static bool write_file(const char *path, const wsbn_result *result)
{
    FILE *file = fopen(path, "wbe");
    bool good =
        file != NULL && fwrite(result->module, 1, result->module_len, file) == result->module_len;
    if (file == NULL || fclose(file) != 0 || !good) {
        perror(path);
        return false;
    }
    return true;
}

static int transform(const uint8_t *bytes, size_t len, uint32_t add, const char *path)
{
    wsbn_options options;
    wsbn_result result;
    memset(&options, 0, sizeof options);
    memset(&options.bounds, 0xff, sizeof options.bounds); /* none */
    options.add = add;
    wsbn_process(bytes, len, &options, &result);
    int code = EXIT_FAILURE;
    switch (result.status) {
    case WSBN_OK:
        code = write_file(path, &result) ? EXIT_SUCCESS : EXIT_FAILURE;
        break;
    case WSBN_UNSUPPORTED:
        printf("%s\n", result.subject);
        code = REFUSED_PROPOSAL;
        break;
    case WSBN_BOUND:
        printf("%s\n", result.subject);
        code = REFUSED_BOUND;
        break;
    default:
        fprintf(stderr, "transform: %s\n", result.message);
        break;
    }
    wsbn_result_fini(&result);
    return code;
}

int main(int argc, char **argv)
{
    char path[MAX_PATH];
    size_t len = 0;
    if (argc < 4) {
        fprintf(stderr, "usage: transform IN OUT-PREFIX ADD…\n");
        return EXIT_FAILURE;
    }
    uint8_t *bytes = read_file(argv[1], &len);
    int code = bytes != NULL ? EXIT_SUCCESS : EXIT_FAILURE;
    for (int i = 3; i < argc && code == EXIT_SUCCESS; i++) {
        uint32_t add = (uint32_t)strtoul(argv[i], NULL, 10);
        snprintf(path, sizeof path, "%s.%u.wasm", argv[2], add);
        code = transform(bytes, len, add, path);
    }
    free(bytes);
    return code;
}
