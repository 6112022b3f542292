/* Compiling the instructions without control flow: read what they carry, check it, write it. */
#include "compile.h"
#include "ops.h"

/* Writes the instruction and does to the height what it does to the stack. */
static void put(pb_compiler *c, uint16_t op, uint32_t keep, uint32_t a)
{
    pb_pop(c, pb_ops[op].pops);
    pb_put_op(c, op, keep, a);
    pb_push(c, pb_ops[op].pushes);
}

void pb_emit_nothing(pb_compiler *c, uint16_t op)
{
    (void)c;
    (void)op;
}

void pb_emit_plain(pb_compiler *c, uint16_t op)
{
    put(c, op, 0, 0);
}

void pb_emit_local(pb_compiler *c, uint16_t op)
{
    put(c, op, 0, pb_read_index(c->in, c->locals, "local"));
}

void pb_emit_global(pb_compiler *c, uint16_t op)
{
    put(c, op, 0, pb_read_index(c->in, c->module->global_count, "global"));
}

void pb_emit_table(pb_compiler *c, uint16_t op)
{
    put(c, op, 0, pb_read_index(c->in, c->module->table_count, "table"));
}

void pb_emit_function(pb_compiler *c, uint16_t op)
{
    put(c, op, 0, pb_read_index(c->in, c->module->function_count, "function"));
}

void pb_emit_elements(pb_compiler *c, uint16_t op)
{
    put(c, op, 0, pb_read_index(c->in, c->module->element_count, "element segment"));
}

void pb_emit_data(pb_compiler *c, uint16_t op)
{
    put(c, op, 0, pb_read_index(c->in, c->module->data_count, "data segment"));
}

static void read_memory(pb_compiler *c)
{
    (void)pb_read_index(c->in, c->module->memory_count, "memory");
}

void pb_emit_memory(pb_compiler *c, uint16_t op)
{
    read_memory(c);
    put(c, op, 0, 0);
}

void pb_emit_memory_copy(pb_compiler *c, uint16_t op)
{
    read_memory(c);
    read_memory(c);
    put(c, op, 0, 0);
}

void pb_emit_memory_init(pb_compiler *c, uint16_t op)
{
    uint32_t segment = pb_read_index(c->in, c->module->data_count, "data segment");
    read_memory(c);
    put(c, op, 0, segment);
}

void pb_emit_table_copy(pb_compiler *c, uint16_t op)
{
    uint32_t to = pb_read_index(c->in, c->module->table_count, "table");
    uint32_t from = pb_read_index(c->in, c->module->table_count, "table");
    put(c, op, to, from);
}

void pb_emit_table_init(pb_compiler *c, uint16_t op)
{
    uint32_t segment = pb_read_index(c->in, c->module->element_count, "element segment");
    uint32_t table = pb_read_index(c->in, c->module->table_count, "table");
    put(c, op, table, segment);
}

/* Loads and stores: how it is aligned does not matter here, the offset does. */
void pb_emit_access(pb_compiler *c, uint16_t op)
{
    uint32_t alignment = pb_read_u32(c->in);
    uint64_t offset = pb_read_unsigned(c->in, 64);
    if (alignment > 31 || offset > UINT32_MAX || !c->module->memory_count)
        pb_fail(c->in, WSB_ENGINE_FAILED, "there is no such memory");
    put(c, op, 0, (uint32_t)offset);
}

/* 32 bits fit the instruction, 64 take a word of their own. */
void pb_emit_constant(pb_compiler *c, uint16_t op)
{
    if (op == PB_I32_CONST) {
        put(c, op, 0, (uint32_t)pb_read_signed(c->in, 32));
    } else if (op == PB_F32_CONST) {
        put(c, op, 0, (uint32_t)pb_read_fixed(c->in, 4));
    } else {
        uint64_t value =
            op == PB_I64_CONST ? (uint64_t)pb_read_signed(c->in, 64) : pb_read_fixed(c->in, 8);
        put(c, op, 0, 0);
        pb_put(c, (pb_word){.value = {.u64 = value}});
    }
}

void pb_emit_null(pb_compiler *c, uint16_t op)
{
    (void)pb_read_type(c->in);
    put(c, op, 0, 0);
}

void pb_emit_select(pb_compiler *c, uint16_t op)
{
    if (op != PB_SELECT) { /* the form that names its type */
        if (pb_read_u32(c->in) != 1)
            pb_fail(c->in, WSB_ENGINE_FAILED, "a select has one type");
        (void)pb_read_type(c->in);
    }
    put(c, PB_SELECT, 0, 0);
}

static void put_call(pb_compiler *c, uint16_t op, uint32_t keep, uint32_t a, const pb_type *type)
{
    pb_pop(c, type->params);
    pb_put_op(c, op, keep, a);
    pb_push(c, type->results);
}

void pb_emit_call(pb_compiler *c, uint16_t op)
{
    uint32_t index = pb_read_index(c->in, c->module->function_count, "function");
    if (pb_ok(c->in))
        put_call(c, op, 0, index, c->module->functions[index].type);
}

void pb_emit_call_indirect(pb_compiler *c, uint16_t op)
{
    uint32_t type = pb_read_index(c->in, c->module->type_count, "type");
    uint32_t table = pb_read_index(c->in, c->module->table_count, "table");
    pb_pop(c, 1);
    if (pb_ok(c->in))
        put_call(c, op, table, type, &c->module->types[type]);
}
