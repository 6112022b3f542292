/*
 * Running. A frame is on the guest's own stack, never on that of C:
 *
 *   fp -> parameters | locals | record: where to go on, the caller's fp | operands ... <- sp
 *
 * so recursion is bounded by max_stack, and entering a function is the one place that checks.
 */
#include "ops.h"

static pb_next go(const pb_word *pc, pb_value *sp)
{
    return (pb_next){pc, sp};
}

static pb_next stop(void)
{
    return (pb_next){NULL, NULL};
}

pb_next pb_trap(pb_instance *in, wsb_trap trap)
{
    static const char *const texts[] = {
#define TEXT(name, value, text) [value] = text,
        WSB_TRAP_MAP(TEXT)
#undef TEXT
    };
    in->result = pb_refuse(in->failure, WSB_ENGINE_TRAPPED, texts[trap]);
    in->failure->trap = trap;
    return stop();
}

static pb_next trap_with(pb_instance *in, const char *text)
{
    pb_trap(in, WSB_TRAP_UNKNOWN);
    pb_refuse(in->failure, WSB_ENGINE_TRAPPED, text);
    return stop();
}

/* Arguments end at `sp`. */
static pb_next enter(pb_instance *in, const pb_function *f, const pb_word *back, pb_value *sp)
{
    pb_value *fp = sp - f->type->params;
    if (f->stack > (size_t)(in->stack_end - fp))
        return pb_trap(in, WSB_TRAP_STACK_OVERFLOW);
    memset(sp, 0, f->locals * sizeof *sp);
    sp += f->locals;
    sp[0].pc = back;
    sp[1].fp = in->fp;
    in->fp = fp;
    return go(f->code, sp + PB_RECORD);
}

pb_next pb_run_return(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    pb_value *fp = in->fp;
    const pb_word *back = fp[pc->of.a].pc;
    in->fp = fp[pc->of.a + 1].fp;
    memmove(fp, sp - pc->of.keep, pc->of.keep * sizeof *fp);
    return go(back, fp + pc->of.keep);
}

/* References to functions mean nothing outside of the guest. */
static bool passes_function(const wsb_value_type *types, uint32_t count,
                            const wsb_raw_value *values)
{
    for (uint32_t i = 0; i < count; i++)
        if (types[i] == WSB_FUNCREF && values[i].words[0])
            return true;
    return false;
}

/* The host sees its arguments in a copy above the stack, where each takes two places. */
static pb_next call_host(pb_instance *in, uint32_t index, const pb_word *back, pb_value *sp)
{
    static const char passed[] = "a reference to a function was passed to or from the host";
    const wsb_engine_import *import = &in->link->imports[index];
    const pb_type *type = in->module->functions[index].type;
    size_t room = type->params > type->results ? type->params : type->results;
    pb_value *args = sp - type->params;
    pb_value *top = in->top;
    wsb_raw_value *values = (wsb_raw_value *)sp;
    if (room * 2 > (size_t)(in->stack_end - sp))
        return pb_trap(in, WSB_TRAP_STACK_OVERFLOW);
    for (uint32_t i = 0; i < type->params; i++)
        values[i] = (wsb_raw_value){.words = {args[i].u64, 0}};
    if (type->has_functions && passes_function(type->values, type->params, values))
        return trap_with(in, passed);
    in->top = sp + room * 2;
    wsb_host_result result = import->call(import->data, in->host, in, values);
    in->top = top;
    if (result != WSB_HOST_DONE) {
        in->result = pb_refuse(in->failure, WSB_ENGINE_HOST_TRAP, "a host function ended the call");
        return stop();
    }
    if (type->has_functions && passes_function(type->values + type->params, type->results, values))
        return trap_with(in, passed);
    for (uint32_t i = 0; i < type->results; i++)
        args[i].u64 = values[i].words[0];
    return go(back, args + type->results);
}

static pb_next call(pb_instance *in, uint32_t index, const pb_word *back, pb_value *sp)
{
    if (index < in->module->import_count)
        return call_host(in, index, back, sp);
    return enter(in, &in->module->functions[index], back, sp);
}

pb_next pb_run_call(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    return call(in, pc->of.a, pc + 1, sp);
}

static bool same_type(const pb_type *a, const pb_type *b)
{
    return a == b ||
           (a->params == b->params && a->results == b->results &&
            !memcmp(a->values, b->values, ((size_t)a->params + a->results) * sizeof *a->values));
}

pb_next pb_run_call_indirect(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    const pb_table *table = &in->tables[pc->of.keep];
    uint32_t at = sp[-1].u32;
    if (at >= table->size)
        return pb_trap(in, WSB_TRAP_TABLE_OUT_OF_BOUNDS);
    uint64_t function = table->values[at].u64;
    if (!function || function > in->module->function_count)
        return pb_trap(in, WSB_TRAP_NULL_CALL);
    if (!same_type(in->module->functions[function - 1].type, &in->module->types[pc->of.a]))
        return pb_trap(in, WSB_TRAP_SIGNATURE_MISMATCH);
    return call(in, (uint32_t)(function - 1), pc + 1, sp - 1);
}

/* From C into the guest, and back out when the first frame returns or the guest ends. What a host
 * function calls meanwhile begins at `top`. */
static wsb_engine_result loop(pb_instance *in, pb_next next)
{
    while (next.pc)
        next = pb_ops[next.pc->of.op].run(in, next.pc, next.sp);
    wsb_engine_result result = in->result;
    in->result = WSB_ENGINE_OK;
    return result;
}

wsb_engine_result pb_run(pb_instance *in, const pb_function *function, pb_value *args)
{
    pb_value *fp = in->fp;
    wsb_engine_result result = loop(in, enter(in, function, NULL, args + function->type->params));
    in->fp = fp;
    return result;
}

wsb_engine_result pb_run_index(pb_instance *in, uint32_t index, pb_value *args)
{
    pb_value *fp = in->fp;
    pb_value *end = args + in->module->functions[index].type->params;
    wsb_engine_result result = loop(in, call(in, index, NULL, end));
    in->fp = fp;
    return result;
}

pb_next pb_run_unreachable(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)pc;
    (void)sp;
    return pb_trap(in, WSB_TRAP_UNREACHABLE);
}

static const pb_word *jump(const pb_word *pc)
{
    return pc + (int32_t)pc->of.a;
}

pb_next pb_run_if(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    return go(sp[-1].u32 ? pc + 1 : jump(pc), sp - 1);
}

pb_next pb_run_else(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    return go(jump(pc), sp);
}

pb_next pb_run_br(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    pb_value *to = in->fp + pc[1].value.u64;
    size_t keep = pc->of.keep;
    if (keep)
        memmove(to, sp - keep, keep * sizeof *to);
    return go(jump(pc), to + keep);
}

pb_next pb_run_br_if(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    return sp[-1].u32 ? pb_run_br(in, pc, sp - 1) : go(pc + 2, sp - 1);
}

pb_next pb_run_br_table(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    uint32_t at = sp[-1].u32 < pc->of.a ? sp[-1].u32 : pc->of.a;
    return pb_run_br(in, pc + 1 + (size_t)at * 2, sp - 1);
}

pb_next pb_run_drop(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    return go(pc + 1, sp - 1);
}

pb_next pb_run_select(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    if (!sp[-1].u32)
        sp[-3] = sp[-2];
    return go(pc + 1, sp - 2);
}

pb_next pb_run_local_get(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    *sp = in->fp[pc->of.a];
    return go(pc + 1, sp + 1);
}

pb_next pb_run_local_set(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    in->fp[pc->of.a] = sp[-1];
    return go(pc + 1, sp - 1);
}

pb_next pb_run_local_tee(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    in->fp[pc->of.a] = sp[-1];
    return go(pc + 1, sp);
}

pb_next pb_run_global_get(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    *sp = in->globals[pc->of.a];
    return go(pc + 1, sp + 1);
}

pb_next pb_run_global_set(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    in->globals[pc->of.a] = sp[-1];
    return go(pc + 1, sp - 1);
}

pb_next pb_run_const32(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    sp->u64 = pc->of.a;
    return go(pc + 1, sp + 1);
}

pb_next pb_run_const64(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    (void)in;
    *sp = pc[1].value;
    return go(pc + 2, sp + 1);
}
