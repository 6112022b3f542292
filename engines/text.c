#include "text.h"

#include <stdio.h>
#include <string.h>

static size_t sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xe0)
        return 2;
    return first < 0xf0 ? 3 : 4;
}

static bool is_control(const unsigned char *bytes, size_t len)
{
    if (len == 1)
        return bytes[0] < 0x20 || bytes[0] == 0x7f;
    return len == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0;
}

size_t wsb__engine_text(char *out, size_t room, const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t used = 0;
    for (size_t i = 0; i < len;) {
        size_t width = sequence_length(bytes[i]);
        if (width > len - i || width >= room - used)
            break;
        if (is_control(bytes + i, width)) {
            out[used++] = bytes[i] == '\n' ? ' ' : '?';
        } else {
            memcpy(out + used, bytes + i, width);
            used += width;
        }
        i += width;
    }
    out[used] = '\0';
    return used;
}

bool wsb__engine_frame(wsb_engine_failure *failure, size_t *io_used, const char *name, size_t len,
                       uint32_t function, uint64_t offset)
{
    char line[256];
    size_t used = wsb__engine_text(line, sizeof line - 32, name, len);
    if (!len)
        used = (size_t)snprintf(line, sizeof line, "function %u", function);
    if (offset != UINT64_MAX)
        used += (size_t)snprintf(line + used, 31, " @ 0x%llx", (unsigned long long)offset);
    line[used++] = '\n';
    if (used >= sizeof failure->backtrace - *io_used)
        return false;
    memcpy(failure->backtrace + *io_used, line, used);
    *io_used += used;
    failure->backtrace[*io_used] = '\0';
    return true;
}
