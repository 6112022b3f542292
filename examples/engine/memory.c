/* The memory: loads, stores, growth and bulk operations. */
#include "ops.h"

#include <sys/mman.h>

#define PAGE ((uint64_t)65536)

/* Addresses of a mapping are never empty: the library tells a memory without pages from none. */
static size_t mapped(uint64_t bytes)
{
    return bytes ? (size_t)bytes : (size_t)PAGE;
}

/* The system gives zeroed pages when they are first touched, and moves no bytes. */
bool pb_memory_grow(pb_instance *in, uint64_t pages)
{
    uint64_t before = in->memory_size / PAGE;
    if (!in->module->memory_count || pages > in->module->memory_max - before)
        return false;
    uint64_t bytes = (before + pages) * PAGE;
    void *memory = in->memory;
    if (!memory)
        memory = mmap(NULL, mapped(bytes), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    else if (pages)
        memory = mremap(memory, mapped(in->memory_size), mapped(bytes), MREMAP_MAYMOVE);
    if (memory == MAP_FAILED)
        return false;
    in->memory = memory;
    in->memory_size = bytes;
    return true;
}

void pb_memory_free(pb_instance *in)
{
    if (in->memory)
        (void)munmap(in->memory, mapped(in->memory_size));
    in->memory = NULL;
}

/* Address and offset are 32 bits each, so their sum in 64 bits is exact. */
static uint8_t *at(pb_instance *in, const pb_word *pc, uint32_t address, size_t size)
{
    uint64_t first = (uint64_t)address + pc->of.a;
    return pb_outside(first, size, in->memory_size) ? NULL : in->memory + first;
}

#define LOAD(code, name, type, member)                                                             \
    pb_next pb_run_##name(pb_instance *in, const pb_word *pc, pb_value *sp)                        \
    {                                                                                              \
        type loaded;                                                                               \
        const uint8_t *from = at(in, pc, sp[-1].u32, sizeof loaded);                               \
        if (!from)                                                                                 \
            return pb_trap(in, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);                                     \
        memcpy(&loaded, from, sizeof loaded);                                                      \
        sp[-1].member = loaded;                                                                    \
        return (pb_next){pc + 1, sp};                                                              \
    }

#define STORE(code, name, type, member)                                                            \
    pb_next pb_run_##name(pb_instance *in, const pb_word *pc, pb_value *sp)                        \
    {                                                                                              \
        type stored = (type)sp[-1].member;                                                         \
        uint8_t *to = at(in, pc, sp[-2].u32, sizeof stored);                                       \
        if (!to)                                                                                   \
            return pb_trap(in, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);                                     \
        memcpy(to, &stored, sizeof stored);                                                        \
        return (pb_next){pc + 1, sp - 2};                                                          \
    }

PB_LOAD(LOAD)
PB_STORE(STORE)

pb_next pb_run_memory_size(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    sp->u64 = in->memory_size / PAGE;
    return (pb_next){pc + 1, sp + 1};
}

pb_next pb_run_memory_grow(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    uint32_t before = (uint32_t)(in->memory_size / PAGE);
    sp[-1].u32 = pb_memory_grow(in, sp[-1].u32) ? before : UINT32_MAX;
    return (pb_next){pc + 1, sp};
}

pb_next pb_run_memory_fill(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    uint32_t to = sp[-3].u32;
    uint32_t count = sp[-1].u32;
    if (pb_outside(to, count, in->memory_size))
        return pb_trap(in, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);
    memset(in->memory + to, (uint8_t)sp[-2].u32, count);
    return (pb_next){pc + 1, sp - 3};
}

pb_next pb_run_memory_copy(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    uint32_t to = sp[-3].u32;
    uint32_t from = sp[-2].u32;
    uint32_t count = sp[-1].u32;
    if (pb_outside(to, count, in->memory_size) || pb_outside(from, count, in->memory_size))
        return pb_trap(in, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);
    memmove(in->memory + to, in->memory + from, count);
    return (pb_next){pc + 1, sp - 3};
}

bool pb_memory_init(pb_instance *in, uint32_t segment, uint32_t to, uint32_t from, uint32_t count)
{
    wsb_bytes bytes = in->module->data[segment].bytes;
    if (pb_outside(to, count, in->memory_size) ||
        pb_outside(from, count, in->data_gone[segment] ? 0 : bytes.len))
        return false;
    if (count)
        memcpy(in->memory + to, bytes.data + from, count);
    return true;
}

pb_next pb_run_memory_init(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    if (!pb_memory_init(in, pc->of.a, sp[-3].u32, sp[-2].u32, sp[-1].u32))
        return pb_trap(in, WSB_TRAP_MEMORY_OUT_OF_BOUNDS);
    return (pb_next){pc + 1, sp - 3};
}

pb_next pb_run_data_drop(pb_instance *in, const pb_word *pc, pb_value *sp)
{
    in->data_gone[pc->of.a] = true;
    return (pb_next){pc + 1, sp};
}
