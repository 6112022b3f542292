/* The steps that a call is made of: for call.c, which makes it in one go, and fiber.c, which makes
 * it in parts. Inline where every call goes; nothing here may cost the one in call.c more. */
#ifndef WSB_RUNTIME_CALL_STEPS_H
#define WSB_RUNTIME_CALL_STEPS_H

#include "runtime/instance.h"
#include "runtime/ticks.h"

/* Ways into an instance that are rare; call.c. */
bool wsb__call_may_enter_after_all(const wsb_instance *instance, wsb__thread *thread);
bool wsb__call_take_after_all(wsb_instance *instance, uint32_t from);

/* For calls with WSB__EXTRA_…; call.c. */
void wsb__call_begin_extras(wsb_instance *instance);
void wsb__call_end_extras(wsb_instance *instance);

/* The call was let in and cannot be made: cancelled before it ran, or no watchdog to guard it. */
wsb_status wsb__call_refuse_taken(wsb_instance *instance, const char *name, wsb_error **out_error);

/* The instance was destroyed in one of its callbacks: nothing of it may be used after this, except
 * by what the call is part of and what releases it in the end: a sequence, or its making. */
wsb_status wsb__call_finish_doomed(wsb_instance *instance, wsb_status status,
                                   wsb_error **out_error);

/* Counters of an instance have one writer, the thread that runs it. */
static inline void wsb__call_add(_Atomic uint64_t *counter, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

static inline bool wsb__call_stack_is_enough(const wsb_instance *instance,
                                             const wsb__thread *thread)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    /* Below the stack this wraps around, to more than any stack has. */
    uintptr_t room = here - thread->stack_low;
    return room >= instance->stack_need && room < thread->stack_high - thread->stack_low;
}

/* The common case in few instructions: a known thread of this process with room on its stack. */
static inline bool wsb__call_may_enter(const wsb_instance *instance, wsb__thread *thread)
{
    return __builtin_expect(instance->fork_generation == thread->generation &&
                                thread->depth < WSB__MAX_DEPTH &&
                                wsb__call_stack_is_enough(instance, thread),
                            1) ||
           wsb__call_may_enter_after_all(instance, thread);
}

static inline bool wsb__call_take(wsb_instance *instance)
{
    uint32_t from = WSB__IDLE;
    return __builtin_expect(
               atomic_compare_exchange_strong(&instance->watch.state, &from, WSB__RUNNING), 1) ||
           wsb__call_take_after_all(instance, from);
}

/* From now on CPU time is that of this thread. */
static inline void wsb__call_note_thread(wsb_instance *instance, wsb__thread *thread, uint64_t now)
{
    if (__builtin_expect(now - thread->cpu_sample_ticks > wsb__ticks_per_ms, 0)) {
        wsb__thread_sample_cpu(thread, now);
    }
    wsb__watch *watch = &instance->watch;
    atomic_store_explicit(&watch->cpu_base, thread->cpu_sample, memory_order_relaxed);
    atomic_store_explicit(&watch->cpu_clock, thread->cpu_clock, memory_order_relaxed);
    atomic_store_explicit(&instance->thread, thread, memory_order_relaxed);
}

/* The watchdog must know of the call before the guest runs. */
static inline bool wsb__call_watched(wsb_instance *instance)
{
    return (instance->extras & WSB__EXTRA_WATCHED) == 0 || atomic_load(&instance->watch.listed) ||
           wsb__watchdog_add(&instance->runtime->watchdog, &instance->watch);
}

static inline wsb_status wsb__call_finish(wsb_instance *instance, wsb_status status,
                                          wsb_error **out_error)
{
    if (__builtin_expect(instance->doomed, 0)) {
        return wsb__call_finish_doomed(instance, status, out_error);
    }
    uint32_t idle = __builtin_expect(instance->sequence.active, 0) ? WSB__HELD : WSB__IDLE;
    /* A guest that was refused before it began has no ending. */
    bool ended = status != WSB_OK && instance->ending.status != WSB_OK;
    atomic_store_explicit(&instance->watch.state, ended ? WSB__CLOSED : idle, memory_order_release);
    return status;
}

#endif
