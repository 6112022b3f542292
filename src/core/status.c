#include <wasm_sandbox/status.h>

const char *wsb_status_name(wsb_status status)
{
    switch (status) {
#define WSB_STATUS_NAME(name, value, text)                                                         \
    case WSB_##name:                                                                               \
        return "WSB_" #name;
        WSB_STATUS_MAP(WSB_STATUS_NAME)
#undef WSB_STATUS_NAME
    }
    return "WSB_ERROR_UNKNOWN";
}

const char *wsb_status_text(wsb_status status)
{
    switch (status) {
#define WSB_STATUS_TEXT(name, value, text)                                                         \
    case WSB_##name:                                                                               \
        return text;
        WSB_STATUS_MAP(WSB_STATUS_TEXT)
#undef WSB_STATUS_TEXT
    }
    return "unknown error";
}
