/* What ordinary programs do with files, in "/in"; returns the line of the first surprise. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: errno %d\n", __LINE__, errno);                                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    int count = 0;
    if (!directory)
        return -1;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static int use_streams(void)
{
    char line[64] = "";
    FILE *file = fopen("/in/new", "w");
    CHECK(file && fprintf(file, "one\ntwo\n") == 8 && fclose(file) == 0);
    file = fopen("/in/new", "a");
    CHECK(file && fputs("three\n", file) >= 0 && fclose(file) == 0);
    file = fopen("/in/new", "r+");
    CHECK(file && fgets(line, sizeof line, file) && strcmp(line, "one\n") == 0);
    CHECK(fseek(file, -6, SEEK_END) == 0 && fgets(line, sizeof line, file));
    CHECK(strcmp(line, "three\n") == 0 && ftell(file) == 14 && fclose(file) == 0);
    return 0;
}

static int use_names(void)
{
    char line[64];
    struct stat st;
    CHECK(stat("/in/new", &st) == 0 && st.st_size == 14 && S_ISREG(st.st_mode));
    CHECK(truncate("/in/new", 3) == 0 && stat("/in/new", &st) == 0 && st.st_size == 3);
    CHECK(mkdir("/in/dir", 0700) == 0 && rename("/in/new", "/in/dir/moved") == 0);
    CHECK(link("/in/dir/moved", "/in/second") == 0);
    CHECK(symlink("dir/moved", "/in/link") == 0 && access("/in/link", R_OK) == 0);
    CHECK(readlink("/in/link", line, sizeof line) == 9);
    CHECK(count_entries("/in/dir") == 3 && count_entries("/in") == 5);
    return 0;
}

static int clean_up(void)
{
    CHECK(rmdir("/in/dir") != 0 && errno == ENOTEMPTY);
    CHECK(unlink("/in/dir") != 0 && errno == EISDIR);
    CHECK(unlink("/in/dir/moved") == 0 && rmdir("/in/dir") == 0);
    CHECK(open("/in/link", O_RDONLY) < 0 && errno == ENOENT);
    CHECK(unlink("/in/link") == 0 && unlink("/in/second") == 0 && count_entries("/in") == 2);
    return 0;
}

int main(void)
{
    if (use_streams() != 0 || use_names() != 0 || clean_up() != 0)
        return 1;
    puts("fine");
    return 0;
}
