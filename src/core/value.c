#include <wasm_sandbox/value.h>

const char *wsb_value_type_name(wsb_value_type type)
{
    switch (type) {
    case WSB_I32:
        return "i32";
    case WSB_I64:
        return "i64";
    case WSB_F32:
        return "f32";
    case WSB_F64:
        return "f64";
    case WSB_V128:
        return "v128";
    case WSB_FUNCREF:
        return "funcref";
    case WSB_EXTERNREF:
        return "externref";
    case WSB_OTHER:
        return "ref";
    }
    return "?";
}
