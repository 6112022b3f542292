/* The table of instructions. What is not in it, pebble does not have. */
#include "ops.h"

#define ONE_TO_ONE(code, name, ...) [code] = {pb_run_##name, pb_emit_plain, 1, 1},
#define TWO_TO_ONE(code, name, ...) [code] = {pb_run_##name, pb_emit_plain, 2, 1},
#define TRUNCATE(code, saturating, name, ...)                                                      \
    [code] = {pb_run_##name, pb_emit_plain, 1, 1},                                                 \
    [PB_PREFIXED + (saturating)] = {pb_run_##name##_sat, pb_emit_plain, 1, 1},
#define LOAD(code, name, ...) [code] = {pb_run_##name, pb_emit_access, 1, 1},
#define STORE(code, name, ...) [code] = {pb_run_##name, pb_emit_access, 2, 0},
#define OTHER(code, name, emit, pops, pushes) [code] = {pb_run_##name, emit, pops, pushes},

/* clang-format off */
const pb_op pb_ops[PB_OPS] = {
    PB_UNARY(ONE_TO_ONE)
    PB_BINARY(TWO_TO_ONE)
    PB_DIVISION(TWO_TO_ONE)
    PB_TRUNCATION(TRUNCATE)
    PB_LOAD(LOAD)
    PB_STORE(STORE)
    PB_OTHER(OTHER)
    /* These leave no instruction of their own, or that of another opcode. */
    [0x01] = {NULL, pb_emit_nothing, 0, 0},
    [PB_BLOCK] = {NULL, pb_emit_block, 0, 0},
    [PB_LOOP] = {NULL, pb_emit_block, 0, 0},
    [0x0b] = {NULL, pb_emit_end, 0, 0},
    [0x1c] = {NULL, pb_emit_select, 3, 1},
    [PB_F32_CONST] = {pb_run_const32, pb_emit_constant, 0, 1},
    [0x44] = {pb_run_const64, pb_emit_constant, 0, 1},
};
