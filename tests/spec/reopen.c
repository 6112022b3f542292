/* The one place of the runner that reaches inside the library. */
#include "runtime/instance.h"

#include "spec.h"

/* A call that fails closes its instance for good, which is the library's promise; the tests call
 * an instance again after a trap and look at what the trap left of its memory, tables and globals.
 * So the state is put back by hand. */
void spec_reopen(wsb_instance *instance)
{
    instance->ending = (wsb__ending){0};
    instance->failure = (wsb_engine_failure){0};
    instance->ended_by_outer = false;
    atomic_store(&instance->watch.state, WSB__IDLE);
}
