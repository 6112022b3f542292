/* Tables and references. */
#include "ops.h"

#include <stdlib.h>

bool pb_table_grow(pb_table *table, uint32_t count, pb_value value)
{
    if (count > table->max - table->size)
        return false;
    size_t size = (size_t)table->size + count;
    if (size > SIZE_MAX / sizeof value - 1)
        return false;
    pb_value *values = table->values;
    if (count || !values) {
        /* A new table of nulls is left to the system, which gives zeroes when they are read. */
        bool nulls = !values && !value.u64;
        values =
            nulls ? calloc(size + 1, sizeof *values) : realloc(values, (size + 1) * sizeof *values);
        if (!values)
            return false;
        for (size_t i = table->size; !nulls && i < size; i++)
            values[i] = value;
    }
    table->values = values;
    table->size = (uint32_t)size;
    return true;
}

pb_next pb_run_table_get(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    const pb_table *table = &in->tables[pc->of.a];
    if (sp[-1].u32 >= table->size)
        return pb_trap(in, WSB_TRAP_TABLE_OUT_OF_BOUNDS);
    sp[-1] = table->values[sp[-1].u32];
    return (pb_next){pc + 1, sp};
}

pb_next pb_run_table_set(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    pb_table *table = &in->tables[pc->of.a];
    if (sp[-2].u32 >= table->size)
        return pb_trap(in, WSB_TRAP_TABLE_OUT_OF_BOUNDS);
    table->values[sp[-2].u32] = sp[-1];
    return (pb_next){pc + 1, sp - 2};
}

pb_next pb_run_table_size(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    sp->u64 = in->tables[pc->of.a].size;
    return (pb_next){pc + 1, sp + 1};
}

pb_next pb_run_table_grow(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    pb_table *table = &in->tables[pc->of.a];
    uint32_t before = table->size;
    sp[-2].u32 = pb_table_grow(table, sp[-1].u32, sp[-2]) ? before : UINT32_MAX;
    return (pb_next){pc + 1, sp - 1};
}

pb_next pb_run_table_fill(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    pb_table *table = &in->tables[pc->of.a];
    uint32_t to = sp[-3].u32;
    uint32_t count = sp[-1].u32;
    if (pb_outside(to, count, table->size))
        return pb_trap(in, WSB_TRAP_TABLE_OUT_OF_BOUNDS);
    for (uint32_t i = 0; i < count; i++)
        table->values[to + i] = sp[-2];
    return (pb_next){pc + 1, sp - 3};
}

pb_next pb_run_table_copy(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    pb_table *to = &in->tables[pc->of.keep];
    const pb_table *from = &in->tables[pc->of.a];
    uint32_t count = sp[-1].u32;
    if (pb_outside(sp[-3].u32, count, to->size) || pb_outside(sp[-2].u32, count, from->size))
        return pb_trap(in, WSB_TRAP_TABLE_OUT_OF_BOUNDS);
    memmove(to->values + sp[-3].u32, from->values + sp[-2].u32, count * sizeof *to->values);
    return (pb_next){pc + 1, sp - 3};
}

bool pb_table_init(pb_instance *in, uint32_t table, uint32_t segment, uint32_t to, uint32_t from,
                   uint32_t count)
{
    const pb_elements *elements = &in->module->elements[segment];
    pb_table *target = &in->tables[table];
    if (pb_outside(to, count, target->size) ||
        pb_outside(from, count, in->elements_gone[segment] ? 0 : elements->count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const pb_element *element = &elements->items[from + i];
        target->values[to + i].u64 =
            element->global ? in->globals[element->value].u64 : element->value;
    }
    return true;
}

pb_next pb_run_table_init(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    if (!pb_table_init(in, pc->of.keep, pc->of.a, sp[-3].u32, sp[-2].u32, sp[-1].u32))
        return pb_trap(in, WSB_TRAP_TABLE_OUT_OF_BOUNDS);
    return (pb_next){pc + 1, sp - 3};
}

pb_next pb_run_elem_drop(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    in->elements_gone[pc->of.a] = true;
    return (pb_next){pc + 1, sp};
}

pb_next pb_run_ref_null(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    sp->u64 = 0;
    return (pb_next){pc + 1, sp + 1};
}

pb_next pb_run_ref_is_null(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    sp[-1].u32 = sp[-1].u64 == 0;
    return (pb_next){pc + 1, sp};
}

pb_next pb_run_ref_func(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    sp->u64 = (uint64_t)pc->of.a + 1;
    return (pb_next){pc + 1, sp + 1};
}
