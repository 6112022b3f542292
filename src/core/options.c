#include "core/options.h"

#include <wasm_sandbox/plugin/error.h>

/* Larger than any options struct ever: a size beyond it was never initialised. */
#define WSB__OPTIONS_SIZE_MAX ((size_t)65536)

wsb_status wsb__options_copy(const void *given, void *out, size_t known, const char *name,
                             wsb_error **out_error)
{
    size_t size = known;
    if (given) {
        memcpy(&size, given, sizeof size);
        if (size < sizeof size || size > WSB__OPTIONS_SIZE_MAX)
            return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT,
                                 &(wsb_error_details){
                                     .subject = name,
                                     .suggestion = "start from the struct's _INIT macro",
                                     .used = size,
                                     .allowed = known,
                                 },
                                 "%s: its size is %zu, which cannot be", name, size);
        for (size_t i = known; i < size; i++)
            if (((const uint8_t *)given)[i] != 0)
                return wsb_error_set(
                    out_error, WSB_ERROR_ABI_MISMATCH,
                    &(wsb_error_details){
                        .subject = name,
                        .suggestion = "use a newer libwasm_sandbox, or leave its new fields unset",
                        .used = size,
                        .allowed = known,
                    },
                    "%s: a field at byte %zu is set that this library (version %s) does not know",
                    name, i, wsb_version());
    }
    memset(out, 0, known);
    if (given)
        memcpy(out, given, size < known ? size : known);
    memcpy(out, &known, sizeof known);
    return WSB_OK;
}
