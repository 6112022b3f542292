/* The fake engine as one that leaves to the library what it can. */
#include <pthread.h>

#include "fake_engine.h"

static wsb_runtime_ops ops;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static wsb_engine_result engine_create(const wsb_engine_options *options, void **out_engine,
                                       wsb_engine_failure *out_failure)
{
    wsb_engine_options direct = *options;
    direct.fibers = 0;
    return wsb_fake_engine_ops()->engine_create(&direct, out_engine, out_failure);
}

static wsb_engine_result instance_create(void *link, const wsb_engine_instance_options *options,
                                         void **out_instance, wsb_engine_failure *out_failure)
{
    wsb_engine_instance_options unlimited = *options;
    unlimited.max_memory = WSB_UNLIMITED;
    unlimited.max_table_elements = WSB_UNLIMITED;
    unlimited.should_stop = NULL;
    unlimited.should_yield = NULL;
    unlimited.resume = NULL;
    return wsb_fake_engine_ops()->instance_create(link, &unlimited, out_instance, out_failure);
}

static void init(void)
{
    ops = *wsb_fake_engine_ops();
    ops.id = "fake-small";
    ops.features = WSB_ENGINE_STACK_LIMIT | WSB_ENGINE_SERIALIZE | WSB_ENGINE_SIMD;
    ops.engine_create = engine_create;
    ops.instance_create = instance_create;
    ops.engine_interrupt = NULL;
    ops.instance_set_fuel = NULL;
    ops.instance_get_fuel = NULL;
    ops.function_call_references = NULL;
    ops.function_resume = NULL;
}

const wsb_runtime_ops *wsb_fake_small_engine_ops(void)
{
    pthread_once(&once, init);
    return &ops;
}
