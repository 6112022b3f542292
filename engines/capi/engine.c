/* One variant of the engine, which is settings only. */
#include <stdlib.h>

#include "backend.h"

wsb_engine_result ca_engine_create(const wsb_engine_options *options, void **out_engine,
                                   wsb_engine_failure *out_failure)
{
    const ca_traits *traits = &ca_engine_traits;
    if (options->size < sizeof *options)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "engine options are too short");
    if (options->max_stack < traits->min_stack || options->max_stack > traits->max_stack)
        return ca_fail_text(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE, traits->stack_problem);
    if (options->avoid_signals && traits->needs_signals)
        return ca_fail_text(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                            "this engine cannot do without signal handlers");
    if (options->fuel)
        return ca_fail_text(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                            "this engine does not meter fuel itself");
    if (options->pool_instances > 0)
        return ca_fail_text(out_failure, WSB_ENGINE_POOL_EXHAUSTED, "this engine has no pool");
    if (options->fibers > 0)
        return ca_fail_text(out_failure, WSB_ENGINE_UNSUPPORTED_BY_ENGINE,
                            "this engine cannot suspend guests");

    ca_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return ca_fail_text(out_failure, WSB_ENGINE_FAILED, "out of memory");
    engine->max_stack = options->max_stack;
    *out_engine = engine;
    return WSB_ENGINE_OK;
}

void ca_engine_destroy(void *engine)
{
    free(engine);
}
