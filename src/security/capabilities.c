#include <wasm_sandbox/capabilities.h>

void wsb_capabilities_minimal(wsb_capabilities *out_capabilities)
{
    *out_capabilities = (wsb_capabilities)WSB_CAPABILITIES_INIT;
    out_capabilities->clocks = WSB_CLOCK_ALL;
    out_capabilities->random = WSB_RANDOM_SYSTEM;
    out_capabilities->standard_input.kind = WSB_INPUT_EMPTY;
    out_capabilities->standard_output.kind = WSB_OUTPUT_CAPTURE;
    out_capabilities->standard_error.kind = WSB_OUTPUT_CAPTURE;
}
