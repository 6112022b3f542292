/* The engine's failures as a wsb_engine_failure. */
#include <stdio.h>

#include "backend.h"

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

/* Texts hold names that the guest chose: control characters would reach a terminal or forge a line
 * of a log. Copies whole characters while there is room, and terminates; returns the bytes used.
 * The texts are Rust's strings, so they are well-formed. */
static size_t copy_text(char *out, size_t room, const char *text, size_t len)
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

static void take_message(void *data, const char *text, size_t len)
{
    wsb_engine_failure *failure = ((ca_sink *)data)->failure;
    copy_text(failure->message, sizeof failure->message, text, len);
}

/* "name @ 0xoffset", whole lines only. */
static void take_frame(void *data, const char *name, size_t len, uint32_t function, uint64_t offset)
{
    ca_sink *place = data;
    wsb_engine_failure *failure = place->failure;
    char line[256];
    size_t used = copy_text(line, sizeof line - 32, name, len);
    if (!len)
        used = (size_t)snprintf(line, sizeof line, "function %u", function);
    used += (size_t)snprintf(line + used, 32, " @ 0x%llx\n", (unsigned long long)offset);
    if (used >= sizeof failure->backtrace - place->used)
        return;
    memcpy(failure->backtrace + place->used, line, used + 1);
    place->used += used;
}

void ca_sink_init(ca_sink *place, wsb_engine_failure *out_failure)
{
    place->sink = (wsbx_sink){place, take_message, take_frame};
    place->failure = out_failure;
    place->used = 0;
}

wsb_engine_result ca_fail_text(wsb_engine_failure *out_failure, wsb_engine_result result,
                               const char *text)
{
    copy_text(out_failure->message, sizeof out_failure->message, text, strlen(text));
    return result;
}

wsb_engine_result ca_fail(uint32_t result, wsb_engine_failure *out_failure)
{
    if (result == WSBX_UNSUPPORTED)
        return WSB_ENGINE_UNSUPPORTED_BY_ENGINE;
    if (result < WSBX_TRAP)
        return WSB_ENGINE_FAILED;
    out_failure->trap = (wsb_trap)(result - WSBX_TRAP);
    return WSB_ENGINE_TRAPPED;
}
