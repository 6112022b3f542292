/* Sizes and times: what is accepted is in range and, written out in the smallest unit, is read as
 * the same again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <wasm_sandbox/limits.h>

typedef wsb_status (*parser)(wsb_str text, uint64_t *out_value, wsb_error **out_error);

static void check(parser parse, wsb_str text, const char *unit)
{
    uint64_t value = 7;
    uint64_t again = 0;
    wsb_error *error = NULL;
    if (parse(text, &value, &error) != WSB_OK) {
        if (!error || value != 7 || wsb_error_suggestion(error)[0] == '\0')
            abort();
        wsb_error_destroy(error);
        return;
    }
    if (value == WSB_UNLIMITED || value == WSB_NONE)
        return;
    char written[40];
    snprintf(written, sizeof written, "%llu%s", (unsigned long long)value, unit);
    if (value == 0 || value > INT64_MAX || parse(wsb_cstr(written), &again, NULL) != WSB_OK ||
        again != value)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wsb_str text = {(const char *)data, size};
    check(wsb_parse_size, text, "B");
    check(wsb_parse_duration, text, "ns");
    return 0;
}
