/* Runs a fuzz target over files and folders of inputs, without libFuzzer: the committed seeds and
 * past findings are tests in every build. */
#include "fuzz_target.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#pragma weak LLVMFuzzerInitialize

static size_t replayed;

static int fail(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
}

static int replay_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return fail(path);
    /* Exactly as large as the input, so that a read past its end is seen. */
    uint8_t *data = malloc(size ? size : 1);
    size_t got = data ? fread(data, 1, size, file) : 0;
    fclose(file);
    if (!data || got != size) {
        free(data);
        errno = EIO;
        return fail(path);
    }
    /* The last name printed is the one that crashed. */
    printf("%s (%zu bytes)\n", path, size);
    fflush(stdout);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    replayed++;
    return 0;
}

static int replay(const char *path);

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return fail(path);
    int failures = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        char *child = NULL;
        if (asprintf(&child, "%s/%s", path, entry->d_name) < 0) {
            failures += fail(path);
            break;
        }
        failures += replay(child);
        free(child);
    }
    closedir(folder);
    return failures;
}

static int replay(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return fail(path);
    if (S_ISDIR(info.st_mode))
        return replay_folder(path);
    return replay_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    int failures = 0;
    for (int i = 1; i < argc; i++)
        failures += replay(argv[i]);
    printf("%zu inputs replayed, %d unreadable\n", replayed, failures);
    if (replayed == 0) {
        fprintf(stderr, "nothing to replay: give files or folders of inputs\n");
        return 1;
    }
    return failures ? 1 : 0;
}
