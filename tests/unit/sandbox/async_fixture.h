/* An instance with a gate, in the mode of the tests that run now. */
#ifndef WSB_TESTS_ASYNC_FIXTURE_H
#define WSB_TESTS_ASYNC_FIXTURE_H

#include "async_support.h"
#include "support/modes.h"

typedef struct fixture {
    wsb_sandbox *sandbox;
    wsb_module_id module;
    gate *it;
    wsb_instance_id id;
} fixture;

static inline int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->sandbox = make_sandbox();
    f->it = gate_create(1200);
    f->module = load(f->sandbox, WAT_GATED);
    f->id = gated(f->sandbox, f->module, f->it, test_mode, NULL);
    *state = f;
    return 0;
}

static inline int tear_down(void **state)
{
    fixture *f = *state;
    wsb_sandbox_destroy(f->sandbox);
    gate_destroy(f->it);
    free(f);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
