/* The engine's failures as a wsb_engine_failure. */
#include <string.h>

#include "../text.h"
#include "backend.h"

static void take_message(void *data, const char *text, size_t len)
{
    wsb_engine_failure *failure = ((ca_sink *)data)->failure;
    wsb__engine_text(failure->message, sizeof failure->message, text, len);
}

static void take_frame(void *data, const char *name, size_t len, uint32_t function, uint64_t offset)
{
    ca_sink *place = data;
    wsb__engine_frame(place->failure, &place->used, name, len, function, offset);
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
    wsb__engine_text(out_failure->message, sizeof out_failure->message, text, strlen(text));
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
