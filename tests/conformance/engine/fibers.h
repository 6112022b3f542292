/* Guests that are suspended: what the groups of FIBERS share. */
#ifndef WSB_ENGINE_CONFORMANCE_FIBERS_H
#define WSB_ENGINE_CONFORMANCE_FIBERS_H

#include "conformance.h"

/* What an instance's `host` points to here. Host functions are called on the guests' stacks: they
 * note what is wrong, and assert nothing. */
typedef struct fiber_host {
    host_state state;    /* first: for should_stop() */
    atomic_bool yield;   /* what should_yield answers */
    atomic_long yielded; /* how often it was asked */
    int pending;         /* how often a host function that waits is PENDING */
    wsb_host_result end; /* and how it ends then */
    int left;            /* of `pending`, for the present one */
    long resumes;        /* of host functions */
    void *caller;        /* of the present one */
    wsb_raw_value *values;
    atomic_int wrong; /* what was not as it should be */
} fiber_host;

/* A guest of fibers.wat, on an engine with fibers. */
typedef struct fiber_guest {
    guest g;
    fiber_host host;
    signature types[3];
    wsb_engine_import imports[3];
    signature called; /* of the present call, and its function */
    wsb_engine_handle function;
} fiber_guest;

/* Sets the options; they may be changed before fiber_open(). */
void fiber_init(fiber_guest *f);
void fiber_open(fiber_guest *f);
/* Nothing was wrong. */
void fiber_close(fiber_guest *f);

/* More instances of the guest: NULL where it was not made, with the failure's result. */
wsb_engine_result fiber_instantiate(fiber_guest *f, fiber_host *host, void **out_instance);

/* Begins a call of an export; `values` stay in use until it has ended. */
wsb_engine_result fiber_call(fiber_guest *f, const char *name, const char *types,
                             wsb_raw_value *values);
wsb_engine_result fiber_resume(fiber_guest *f);
/* Goes on until it is neither suspended nor yielded. */
wsb_engine_result fiber_finish(fiber_guest *f, wsb_engine_result result);
/* Once, on a thread of its own. */
wsb_engine_result fiber_resume_elsewhere(fiber_guest *f);

/* A host function's beginning and its continuation: pending as often as `host` says, then `done`
 * makes the results. */
wsb_host_result fiber_wait(fiber_host *host, void *caller, wsb_raw_value *values);

#endif
