/*
 * Bodies to words. One pass over the bytes: the height of the stack is known at every place, so
 * a jump can be written with the height to cut to and the number of values to keep. The library
 * has validated the types; heights, indices and depths are checked again here, since running
 * relies on them without a look.
 */
#include "compile.h"
#include "ops.h"

#include <stdlib.h>

#define MAX_LOCALS 1000000u
#define MAX_WORDS ((uint32_t)1 << 30)
#define MAX_HEIGHT ((uint32_t)1 << 28)

static void fail(pb_compiler *c, const char *text)
{
    pb_fail(c->in, WSB_ENGINE_FAILED, "%s", text);
}

void pb_pop(pb_compiler *c, uint32_t count)
{
    if (c->dead || !pb_ok(c->in))
        return;
    if (c->depth == 0 || c->height - c->blocks[c->depth - 1].height < count)
        fail(c, "the stack has too few values");
    else
        c->height -= count;
}

void pb_push(pb_compiler *c, uint32_t count)
{
    if (c->dead)
        return;
    c->height += count;
    if (c->height > c->highest)
        c->highest = c->height;
    if (c->height > MAX_HEIGHT)
        fail(c, "the stack is too high");
}

/* Room for one more in a list that doubles. */
static void *grow(pb_compiler *c, void *list, uint32_t *capacity, size_t size)
{
    uint32_t wanted = *capacity ? *capacity * 2 : 16;
    void *grown = wanted <= MAX_WORDS ? realloc(list, wanted * size) : NULL;
    if (grown)
        *capacity = wanted;
    else
        fail(c, "out of memory");
    return grown;
}

void pb_put(pb_compiler *c, pb_word word)
{
    if (c->dead || !pb_ok(c->in))
        return;
    if (c->len == c->capacity) {
        pb_word *grown = grow(c, c->code, &c->capacity, sizeof *grown);
        if (!grown)
            return;
        c->code = grown;
    }
    c->code[c->len++] = word;
}

void pb_put_op(pb_compiler *c, uint16_t op, uint32_t keep, uint32_t a)
{
    pb_put(c, (pb_word){.of = {op, (uint16_t)keep, a}});
}

static void open_block(pb_compiler *c, uint16_t op, uint32_t params, uint32_t results)
{
    if (c->depth == c->block_capacity) {
        pb_block *grown = grow(c, c->blocks, &c->block_capacity, sizeof *grown);
        if (!grown)
            return;
        c->blocks = grown;
    }
    c->blocks[c->depth++] = (pb_block){
        .op = op,
        .was_dead = c->dead,
        .params = params,
        .results = results,
        .height = c->dead ? c->height : c->height - params,
        .start = c->len,
        .ends = PB_NONE,
        .otherwise = PB_NONE,
    };
}

/* Writes an instruction whose distance to the end of `block` is not known yet. */
static void put_jump(pb_compiler *c, uint16_t op, uint32_t keep, uint32_t *chain)
{
    uint32_t at = c->len;
    if (c->dead)
        return;
    pb_put_op(c, op, keep, *chain);
    *chain = at;
}

/* Lets all jumps of a chain lead here. */
static void land(pb_compiler *c, uint32_t chain)
{
    while (chain != PB_NONE && pb_ok(c->in)) {
        uint32_t next = c->code[chain].of.a;
        c->code[chain].of.a = c->len - chain;
        chain = next;
    }
}

static void read_block_type(pb_compiler *c, uint32_t *params, uint32_t *results)
{
    uint8_t first = c->in->at < c->in->end ? *c->in->at : 0;
    *params = *results = 0;
    if (first == 0x40) { /* nothing */
        c->in->at++;
    } else if ((first & 0xc0) == 0x40) { /* one value */
        (void)pb_read_type(c->in);
        *results = 1;
    } else {
        int64_t index = pb_read_signed(c->in, 33);
        if (index < 0 || index >= c->module->type_count) {
            fail(c, "a block has no such type");
            return;
        }
        *params = c->module->types[index].params;
        *results = c->module->types[index].results;
    }
}

void pb_emit_block(pb_compiler *c, uint16_t op)
{
    uint32_t params;
    uint32_t results;
    read_block_type(c, &params, &results);
    if (op == PB_IF)
        pb_pop(c, 1);
    pb_pop(c, params); /* they must be this block's own */
    pb_push(c, params);
    open_block(c, op, params, results);
    if (op == PB_IF && pb_ok(c->in))
        put_jump(c, op, 0, &c->blocks[c->depth - 1].otherwise);
}

/* What falls out of a block leaves its results and nothing else. */
static void check_fall(pb_compiler *c, const pb_block *block)
{
    if (!c->dead && c->height != block->height + block->results)
        fail(c, "a block leaves too many values or too few");
}

void pb_emit_else(pb_compiler *c, uint16_t op)
{
    pb_block *block = &c->blocks[c->depth - 1];
    if (block->op != PB_IF) {
        fail(c, "an else without an if");
        return;
    }
    check_fall(c, block);
    put_jump(c, op, 0, &block->ends);
    c->dead = block->was_dead;
    land(c, block->otherwise);
    block->otherwise = PB_NONE;
    block->op = op;
    c->height = block->height;
    pb_push(c, block->params);
}

static void put_return(pb_compiler *c, uint32_t results)
{
    pb_put_op(c, PB_RETURN, results, c->locals);
}

void pb_emit_end(pb_compiler *c, uint16_t op)
{
    pb_block block = c->blocks[c->depth - 1];
    (void)op;
    check_fall(c, &block);
    if (block.op == PB_IF && block.params != block.results)
        fail(c, "an if without an else changes the stack");
    land(c, block.otherwise);
    land(c, block.ends);
    c->dead = block.was_dead;
    c->height = block.height;
    c->depth--;
    pb_push(c, block.results);
    if (c->depth == 0)
        put_return(c, block.results);
}

/* Two words: where to, and the height to cut to, with the values to keep in the first. */
static void put_branch(pb_compiler *c, uint16_t op, uint32_t depth)
{
    if (depth >= c->depth) {
        fail(c, "a branch leads out of the function");
        return;
    }
    pb_block *block = &c->blocks[c->depth - 1 - depth];
    bool loop = block->op == PB_LOOP;
    uint32_t keep = loop ? block->params : block->results;
    pb_pop(c, keep);
    pb_push(c, keep);
    if (loop)
        pb_put_op(c, op, keep, block->start - c->len);
    else
        put_jump(c, op, keep, &block->ends);
    pb_put(c, (pb_word){.value = {.u64 = block->height}});
}

void pb_emit_branch(pb_compiler *c, uint16_t op)
{
    uint32_t depth = pb_read_u32(c->in);
    pb_pop(c, op == PB_BR_IF);
    put_branch(c, op, depth);
    if (op == PB_BR)
        c->dead = true;
}

void pb_emit_branch_table(pb_compiler *c, uint16_t op)
{
    uint32_t count = pb_read_count(c->in);
    pb_pop(c, 1);
    pb_put_op(c, op, 0, count);
    for (uint32_t i = 0; i <= count && pb_ok(c->in); i++)
        put_branch(c, PB_BR, pb_read_u32(c->in));
    c->dead = true;
}

void pb_emit_return(pb_compiler *c, uint16_t op)
{
    (void)op;
    uint32_t results = c->blocks[0].results;
    pb_pop(c, results);
    put_return(c, results);
    c->dead = true;
}

void pb_emit_unreachable(pb_compiler *c, uint16_t op)
{
    pb_put_op(c, op, 0, 0);
    c->dead = true;
}

static uint16_t read_op(pb_reader *r)
{
    uint32_t op = pb_read_byte(r);
    uint32_t second = op >= 0xfb && pb_ok(r) ? pb_read_u32(r) : 0;
    if (op == 0xfc && second < PB_OPS - PB_PREFIXED)
        return (uint16_t)(PB_PREFIXED + second);
    if (op >= 0xfb)
        pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has no opcode 0x%02x 0x%02x",
                (unsigned)op, (unsigned)second);
    else if (!pb_ops[op].emit)
        pb_fail(r, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, "pebble has no opcode 0x%02x", (unsigned)op);
    return (uint16_t)op;
}

/* Compiles to the end of the expression, into `function`. */
static void compile(pb_compiler *c, pb_function *function)
{
    c->height = c->highest = c->locals + PB_RECORD;
    open_block(c, PB_BLOCK, 0, function->type->results);
    while (c->depth > 0 && pb_ok(c->in)) {
        uint16_t op = read_op(c->in);
        if (pb_ok(c->in))
            pb_ops[op].emit(c, op);
    }
    free(c->blocks);
    if (!pb_ok(c->in)) {
        free(c->code);
        return;
    }
    pb_word *fitted = realloc(c->code, c->len * sizeof *fitted);
    function->code = fitted ? fitted : c->code;
    function->locals = c->locals - function->type->params;
    function->stack = c->highest;
}

static uint32_t read_locals(pb_reader *r)
{
    uint32_t total = 0;
    uint32_t groups = pb_read_count(r);
    for (uint32_t i = 0; i < groups && pb_ok(r); i++) {
        uint32_t count = pb_read_u32(r);
        (void)pb_read_type(r);
        if (count > MAX_LOCALS - total)
            pb_fail(r, WSB_ENGINE_FAILED, "a function has too many locals");
        else
            total += count;
    }
    return total;
}

void pb_compile_body(const pb_module *module, pb_function *function, pb_reader *r)
{
    pb_compiler c = {.in = r, .module = module};
    c.locals = function->type->params + read_locals(r);
    compile(&c, function);
    if (r->at != r->end)
        pb_fail(r, WSB_ENGINE_FAILED, "a body goes on behind its end");
}

void pb_compile_constant(const pb_module *module, pb_function *out, pb_reader *r)
{
    static const pb_type one_value = {.results = 1};
    pb_compiler c = {.in = r, .module = module};
    out->type = &one_value;
    compile(&c, out);
}
