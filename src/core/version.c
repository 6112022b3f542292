#include <wasm_sandbox/base.h>

const char *wsb_version(void)
{
    return WSB_VERSION_STRING;
}
