/* Inside the compiler: from a body's bytes to words. */
#ifndef PEBBLE_COMPILE_H
#define PEBBLE_COMPILE_H

#include "pebble.h"

/* A block that is open. Jumps to its end are a chain through the words that will hold their
 * distance: each holds the place of the one before, and the first PB_NONE. */
typedef struct pb_block {
    uint16_t op;
    bool was_dead; /* it began in code that is never reached */
    uint32_t params;
    uint32_t results;
    uint32_t height; /* of the stack below its parameters */
    uint32_t start;  /* where a loop goes on */
    uint32_t ends;
    uint32_t otherwise; /* the jump of an `if` whose condition does not hold */
} pb_block;

#define PB_NONE UINT32_MAX

typedef struct pb_compiler {
    pb_reader *in;
    const pb_module *module;
    pb_word *code;
    uint32_t len;
    uint32_t capacity;
    pb_block *blocks;
    uint32_t depth;
    uint32_t block_capacity;
    uint32_t locals; /* parameters and locals */
    uint32_t height; /* of the stack, from the frame's start */
    uint32_t highest;
    bool dead; /* behind a jump: read on, but write nothing */
} pb_compiler;

typedef void (*pb_emit_fn)(pb_compiler *c, uint16_t op);

/* One kind of instruction. */
typedef struct pb_op {
    pb_run_fn run;
    pb_emit_fn emit; /* NULL: pebble does not have it */
    uint8_t pops;
    uint8_t pushes;
} pb_op;

/* By opcode; those behind the prefix 0xfc from PB_PREFIXED on. */
#define PB_PREFIXED 0x100
#define PB_OPS (PB_PREFIXED + 18)
extern const pb_op pb_ops[PB_OPS];

/* The record of a frame: where to go on, and the caller's frame. */
#define PB_RECORD 2

void pb_pop(pb_compiler *c, uint32_t count);
void pb_push(pb_compiler *c, uint32_t count);
void pb_put(pb_compiler *c, pb_word word);
void pb_put_op(pb_compiler *c, uint16_t op, uint32_t keep, uint32_t a);

void pb_emit_nothing(pb_compiler *c, uint16_t op);
void pb_emit_plain(pb_compiler *c, uint16_t op);
void pb_emit_block(pb_compiler *c, uint16_t op);
void pb_emit_else(pb_compiler *c, uint16_t op);
void pb_emit_end(pb_compiler *c, uint16_t op);
void pb_emit_branch(pb_compiler *c, uint16_t op);
void pb_emit_branch_table(pb_compiler *c, uint16_t op);
void pb_emit_return(pb_compiler *c, uint16_t op);
void pb_emit_unreachable(pb_compiler *c, uint16_t op);
void pb_emit_call(pb_compiler *c, uint16_t op);
void pb_emit_call_indirect(pb_compiler *c, uint16_t op);
void pb_emit_select(pb_compiler *c, uint16_t op);
void pb_emit_local(pb_compiler *c, uint16_t op);
void pb_emit_global(pb_compiler *c, uint16_t op);
void pb_emit_table(pb_compiler *c, uint16_t op);
void pb_emit_function(pb_compiler *c, uint16_t op);
void pb_emit_elements(pb_compiler *c, uint16_t op);
void pb_emit_data(pb_compiler *c, uint16_t op);
void pb_emit_memory(pb_compiler *c, uint16_t op);
void pb_emit_memory_copy(pb_compiler *c, uint16_t op);
void pb_emit_memory_init(pb_compiler *c, uint16_t op);
void pb_emit_table_copy(pb_compiler *c, uint16_t op);
void pb_emit_table_init(pb_compiler *c, uint16_t op);
void pb_emit_access(pb_compiler *c, uint16_t op);
void pb_emit_constant(pb_compiler *c, uint16_t op);
void pb_emit_null(pb_compiler *c, uint16_t op);

#endif
