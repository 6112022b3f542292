/* Values on the command line and results on standard output. */
#ifndef WSB_CLI_VALUES_H
#define WSB_CLI_VALUES_H

#include <stdio.h>
#include <wasm_sandbox/wasm_sandbox.h>

/* Reads `text` as a value of `type`; false where it is none. */
bool cli_parse_value(const char *text, wsb_value_type type, wsb_value *out_value);

/* What a value of the type looks like, for the error: "a whole number from …". */
const char *cli_describe_type(wsb_value_type type);

/* Writes one result as itself, none as null, several as an array. False where a value (a
 * reference) has no JSON form. NaN and infinities, which JSON does not have, become strings. */
bool cli_write_values(FILE *out, const wsb_value *values, size_t count);

/* Writes a finite number in JSON's grammar, with as few digits as read back the same; `narrow`
 * for one that was an f32. */
void cli_write_real(FILE *out, double value, bool narrow);

/* Writes MessagePack as JSON text. Returns NULL, or what of it JSON cannot say. */
const char *cli_write_msgpack(FILE *out, wsb_bytes data);

/* "(i32, i64) -> f64". Writes to `out`. */
void cli_signature(const wsb_function_type *type, char *out, size_t capacity);

#endif
