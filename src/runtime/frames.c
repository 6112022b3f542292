/* The tick import is the last one, so all functions of a rewritten module are one further; what
 * was added besides comes after the module's own. */
#include "runtime/frames.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char unnamed[] = "function ";

static uint64_t count_functions(const wsb_module_info *info)
{
    uint64_t count = info->function_count;
    for (size_t i = 0; i < info->import_count; i++) {
        count += info->imports[i].kind == WSB_EXTERN_FUNCTION;
    }
    return count;
}

/* The number of "function N", where nothing else is on the line. */
static bool number_of(const char *line, size_t len, uint64_t *out_number)
{
    size_t start = sizeof unnamed - 1;
    if (len <= start || memcmp(line, unnamed, start) != 0 ||
        strspn(line + start, "0123456789") != len - start) {
        return false;
    }
    *out_number = strtoull(line + start, NULL, 10);
    return true;
}

/* Where the name ends: at the last " @ 0x", as a name may hold another. */
static size_t name_length(const char *line, size_t len)
{
    static const char mark[] = " @ 0x";
    for (size_t at = len; at-- > 0;) {
        if (len - at >= sizeof mark - 1 && memcmp(line + at, mark, sizeof mark - 1) == 0) {
            return at;
        }
    }
    return len;
}

void wsb__frames_as_given(const wsb__module_info *info, char *text)
{
    uint64_t functions = count_functions(&info->info);
    char *to = text;
    for (char *line = text, *next; (next = strchr(line, '\n')) != NULL; line = next + 1) {
        size_t len = (size_t)(next - line); /* whole lines only: a last one without end goes */
        size_t name = name_length(line, len);
        uint64_t number;
        if (!number_of(line, name, &number)) {
            memmove(to, line, name);
            to += name;
            *to++ = '\n';
        } else if (number >= 1 && number <= functions) {
            /* At most as long as it was: the offset makes room, and 9 has a digit less than 10. */
            char own[48];
            int written = snprintf(own, sizeof own, "%s%" PRIu64 "\n", unnamed, number - 1);
            memcpy(to, own, (size_t)written);
            to += written;
        }
    }
    *to = '\0';
}
