/* What is known to differ, and why: a committed list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec.h"

enum { MAX_LINE = 512, MAX_DEVIATIONS = 256 };

typedef struct deviation {
    char file[128];
    long line;
    char reason[256];
    bool met;
} deviation;

struct spec_deviations {
    size_t count;
    deviation list[MAX_DEVIATIONS];
};

/* "ENGINE FILE:LINE reason"; false where it is no such line. Those of other engines are left. */
static bool read_line(spec_deviations *list, char *line, const char *engine)
{
    char *rest = line;
    const char *who = strsep(&rest, " ");
    char *where = strsep(&rest, " ");
    char *colon = where != NULL ? strrchr(where, ':') : NULL;
    if (colon == NULL || rest == NULL || list->count == MAX_DEVIATIONS) {
        return false;
    }
    if (strcmp(who, "*") != 0 && strcmp(who, engine) != 0) {
        return true;
    }
    deviation *one = &list->list[list->count++];
    *colon = '\0';
    snprintf(one->file, sizeof one->file, "%s", where);
    snprintf(one->reason, sizeof one->reason, "%s", rest);
    one->line = strtol(colon + 1, NULL, 10);
    return one->line > 0;
}

bool spec_deviations_load(spec_deviations **out_list, const char *path, const char *engine)
{
    char line[MAX_LINE];
    spec_deviations *list = calloc(1, sizeof *list);
    FILE *file = fopen(path, "re");
    bool good = list != NULL && file != NULL;
    while (good && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && line[0] != '#' && !read_line(list, line, engine)) {
            fprintf(stderr, "spec_runner: %s: not understood: %s\n", path, line);
            good = false;
        }
    }
    if (file != NULL) {
        fclose(file);
    } else {
        perror(path);
    }
    if (!good) {
        free(list);
        return false;
    }
    *out_list = list;
    return true;
}

const char *spec_deviations_find(spec_deviations *list, const char *file, long line)
{
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        deviation *one = &list->list[i];
        if (one->line == line && strcmp(one->file, file) == 0) {
            one->met = true;
            return one->reason;
        }
    }
    return NULL;
}

size_t spec_deviations_unmet(const spec_deviations *list, const char *file)
{
    size_t unmet = 0;
    for (size_t i = 0; list != NULL && i < list->count; i++) {
        const deviation *one = &list->list[i];
        if (!one->met && strcmp(one->file, file) == 0) {
            printf("FAILED %s:%ld: passes, but is listed as a deviation\n", file, one->line);
            unmet++;
        }
    }
    return unmet;
}

void spec_deviations_free(spec_deviations *list)
{
    free(list);
}
