/* Making an instance: checks, host modules' states, the engine's part, start and _initialize. */
#include "core/alloc.h"
#include "core/options.h"
#include "runtime/features.h"
#include "runtime/fiber.h"
#include "runtime/imports.h"
#include "runtime/instance.h"
#include "runtime/tick.h"
#include "runtime/ticks.h"
#include "security/capabilities_check.h"

#include <string.h>

#include <wasm_sandbox/plugin/error.h>

/* Stack that a call may use besides the guest's own: host functions, the engine, this library. */
enum { STACK_RESERVE = 128 * 1024 };

static const wsb_function_type no_values = {NULL, 0, NULL, 0};

static wsb_status unsupported(const wsb_runtime_ops *ops, const char *limit, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "instantiate",
                                 .subject = limit,
                                 .suggestion = "use another engine, or set the limit to "
                                               "WSB_UNLIMITED to go without it"};
    return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                         "instantiate: engine '%s' cannot enforce %s", ops->id, limit);
}

/* Declared means enforced: what the engine cannot enforce is refused. */
static wsb_status check_engine(const wsb_runtime_ops *ops, const wsb_resource_limits *limits,
                               wsb_error **out_error)
{
    const struct {
        const char *name;
        uint64_t value;
        uint32_t feature;
    } rows[] = {
        {"max_wall_time", limits->max_wall_time, WSB_ENGINE_DEADLINE},
        {"max_cpu_time", limits->max_cpu_time, WSB_ENGINE_DEADLINE},
        {"fuel", limits->fuel, WSB_ENGINE_FUEL},
        {"max_memory", limits->max_memory, WSB_ENGINE_MEMORY_LIMIT},
        {"max_table_elements", limits->max_table_elements, WSB_ENGINE_TABLE_LIMIT},
        {"max_stack", limits->max_stack, WSB_ENGINE_STACK_LIMIT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].value != WSB_UNLIMITED && (wsb__features(ops) & rows[i].feature) == 0) {
            return unsupported(ops, rows[i].name, out_error);
        }
    }
    return WSB_OK;
}

static wsb_status too_large(const char *what, const char *limit, uint64_t used, uint64_t allowed,
                            const char *unit, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "instantiate",
                                 .subject = limit,
                                 .used = used,
                                 .allowed = allowed,
                                 .suggestion = "raise the limit"};
    return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                         "instantiate: the module's %s with %llu %s and %s is %llu", what,
                         (unsigned long long)used, unit, limit, (unsigned long long)allowed);
}

static wsb_status check_minimums(const wsb_module *module, const wsb_resource_limits *limits,
                                 wsb_error **out_error)
{
    const wsb__module_info *info = module->info;
    if (info->info.has_memory && info->info.memory_minimum > limits->max_memory) {
        return too_large("memory starts", "max_memory", info->info.memory_minimum,
                         limits->max_memory, "bytes", out_error);
    }
    if (info->table_min_sum > limits->max_table_elements) {
        return too_large("tables start", "max_table_elements", info->table_min_sum,
                         limits->max_table_elements, "elements", out_error);
    }
    return WSB_OK;
}

static uint64_t to_ticks(uint64_t ns)
{
    return ns == WSB_UNLIMITED ? UINT64_MAX : wsb__ns_to_ticks(ns);
}

static void set_limits(wsb_instance *instance)
{
    const wsb_resource_limits *limits = &instance->limits;
    wsb__watch *watch = &instance->watch;
    uint64_t cpu_ticks = to_ticks(limits->max_cpu_time);
    watch->wall_limit_ticks = to_ticks(limits->max_wall_time);
    watch->cpu_limit_ns = limits->max_cpu_time;
    watch->shortest_ticks =
        cpu_ticks < watch->wall_limit_ticks ? cpu_ticks : watch->wall_limit_ticks;
    /* A guest in fiber mode has a stack of its own, host functions' included. */
    instance->stack_need = (instance->fiber == NULL ? limits->max_stack : 0) + STACK_RESERVE;
    if (watch->shortest_ticks != UINT64_MAX) {
        instance->extras |= WSB__EXTRA_WATCHED;
    }
    if (limits->fuel != WSB_UNLIMITED) {
        instance->extras |= WSB__EXTRA_FUEL;
    }
    for (size_t i = 0; i < instance->runtime->limits.count; i++) {
        if (instance->runtime->limits.limits[i]->scope == WSB_LIMIT_CALL) {
            instance->extras |= WSB__EXTRA_CALL_LIMITS;
        }
    }
}

static wsb_status make_states(wsb_instance *instance, const wsb_capabilities *capabilities,
                              wsb_error **out_error)
{
    const wsb_runtime *runtime = instance->runtime;
    for (size_t i = 0; i < runtime->host_module_count; i++) {
        const wsb_host_module_ops *ops = runtime->host_modules[i];
        if ((instance->link->host_modules & ((uint32_t)1 << i)) == 0) {
            continue;
        }
        wsb_status status = ops->instance_create(instance, capabilities, &instance->limits,
                                                 &instance->states[i], out_error);
        if (status != WSB_OK) {
            return status;
        }
        instance->state_made[i] = true;
        if (ops->call_begin != NULL) {
            instance->extras |= WSB__EXTRA_BEGIN;
        }
    }
    return WSB_OK;
}

static wsb_status engine_refused(const wsb_instance *instance, wsb_engine_result result,
                                 const wsb_engine_failure *failure, wsb_error **out_error)
{
    wsb_error_details details = {.operation = "instantiate", .backtrace = failure->backtrace};
    if (result == WSB_ENGINE_LIMIT) {
        details.subject = "max_memory";
        details.allowed = instance->limits.max_memory;
        details.suggestion = "raise max_memory or max_table_elements";
        return wsb_error_set(out_error, WSB_ERROR_LIMIT_EXCEEDED, &details,
                             "instantiate: the engine refused the memory or table: %s",
                             failure->message);
    }
    if (result == WSB_ENGINE_TRAPPED) {
        details.trap = "instantiation";
        return wsb_error_set(out_error, WSB_ERROR_TRAP, &details,
                             "instantiate: the module trapped while its memory and tables were "
                             "filled: %s",
                             failure->message);
    }
    return wsb__engine_failed(out_error, WSB_ERROR_UNSUPPORTED, "instantiate", failure);
}

static wsb_engine_result engine_create(wsb_instance *instance, wsb_engine_failure *failure)
{
    wsb_engine_instance_options options = {.size = sizeof options,
                                           .max_memory = instance->limits.max_memory,
                                           .max_table_elements =
                                               instance->limits.max_table_elements,
                                           .host = instance,
                                           .should_stop = wsb__should_stop};
    if (instance->fiber != NULL) {
        options.should_yield = wsb__fiber_should_yield;
        options.resume = wsb__fiber_resume_host;
    }
    return instance->ops->instance_create(instance->link->link, &options,
                                          &instance->engine_instance, failure);
}

/* The module compiled and linked for these limits: from the pool, or without it. */
static wsb_status take_link(wsb_instance *instance, wsb_imports *imports, bool want_pool,
                            wsb_error **out_error)
{
    wsb__variant_choice choice = {.fuel = instance->limits.fuel != WSB_UNLIMITED,
                                  .pool = want_pool,
                                  .fibers = instance->fiber != NULL,
                                  .max_stack = instance->limits.max_stack};
    wsb__variant *variant;
    wsb_status status = WSB_OK;
    instance->link = wsb__link_take(instance->module, &choice, imports);
    if (instance->link == NULL) {
        status = wsb__module_prepare(instance->module, &choice, &variant, out_error);
        if (status == WSB_OK) {
            status =
                wsb__link_acquire(instance->module, variant, imports, &instance->link, out_error);
        }
    }
    if (status == WSB_OK) {
        instance->watch.engine = instance->link->compiled->variant->engine;
        instance->watch.interrupt = instance->runtime->interrupt;
    }
    return status;
}

static wsb_status make_engine_instance(wsb_instance *instance, wsb_imports *imports,
                                       wsb_error **out_error)
{
    wsb_engine_failure failure;
    failure.trap = WSB_TRAP_UNKNOWN;
    failure.message[0] = '\0';
    failure.backtrace[0] = '\0';
    wsb_engine_result result = engine_create(instance, &failure);
    if (result == WSB_ENGINE_POOL_EXHAUSTED && instance->link->compiled->variant->choice.pool) {
        wsb__link_release(instance->module, instance->link);
        instance->link = NULL;
        wsb_status status = take_link(instance, imports, false, out_error);
        if (status != WSB_OK) {
            return status;
        }
        result = engine_create(instance, &failure);
    }
    return result == WSB_ENGINE_OK ? WSB_OK : engine_refused(instance, result, &failure, out_error);
}

static void note_module(wsb_instance *instance)
{
    const wsb__module_info *info = instance->module->info;
    instance->has_memory = info->info.has_memory;
    instance->counts_refusals = (info->flags & WSB__MODULE_GROW_COUNTED) != 0;
    if (instance->counts_refusals && instance->on_event != NULL) {
        instance->extras |= WSB__EXTRA_REFUSALS;
    }
    atomic_store_explicit(&instance->memory_size, info->info.memory_minimum, memory_order_relaxed);
    if (instance->link->own_count > 0) {
        /* Host functions will want it, and engines look exports up outside of calls only. */
        uint8_t *base;
        uint64_t size;
        wsb_call_context_memory_all((wsb_call_context *)instance, &base, &size);
    }
}

/* Runs an export without parameters, where there is one. */
static wsb_status run_once(wsb_instance *instance, const char *export_name, const char *name,
                           wsb_error **out_error)
{
    wsb__target target = {.enter = instance->fiber != NULL ? wsb__fiber_enter
                                                           : instance->ops->function_call,
                          .type = &no_values,
                          .label = name};
    wsb_raw_value none = {.u64 = 0};
    if (!instance->ops->export_get(instance->engine_instance, wsb_cstr(export_name),
                                   WSB_EXTERN_FUNCTION, &target.handle)) {
        return wsb_error_set(out_error, WSB_ERROR_INTERNAL, NULL,
                             "instantiate: the engine does not find '%s'", export_name);
    }
    return wsb__call(instance, &target, &none, out_error);
}

static wsb_status start(wsb_instance *instance, wsb_error **out_error)
{
    const wsb_module_info *info = &instance->module->info->info;
    if (!info->has_start && !info->is_reactor) {
        return WSB_OK;
    }
    wsb_status status = wsb__sequence_begin(instance, "run the start function", out_error);
    if (status != WSB_OK) {
        return status;
    }
    if (info->has_start) {
        status = run_once(instance, "wsb:start", "run the start function", out_error);
    }
    if (status == WSB_OK && info->is_reactor) {
        status = run_once(instance, "_initialize", "call '_initialize'", out_error);
    }
    instance->doomed = false; /* whoever destroyed it early: the failure below releases it */
    wsb__sequence_end(instance);
    return status;
}

static wsb_status build(wsb_instance *instance, const wsb_instance_config *config,
                        const wsb__making *making, wsb_error **out_error)
{
    wsb_status status = take_link(instance, config->imports, true, out_error);
    if (status == WSB_OK) {
        status = make_states(instance, config->capabilities, out_error);
    }
    if (status == WSB_OK) {
        status = make_engine_instance(instance, config->imports, out_error);
    }
    if (status == WSB_OK && instance->link->compiled->added != 0) {
        status = wsb__tick_prepare(instance, out_error);
    }
    if (status == WSB_OK) {
        note_module(instance);
        if (making != NULL) {
            making->begin(making->context, instance);
        }
        status = start(instance, out_error);
        if (making != NULL) {
            making->end(making->context);
        }
    }
    return status;
}

/* Fiber mode where it is wished and the engine has it. */
static wsb_status check_mode(const wsb_runtime_ops *ops, wsb_execution_mode mode, bool *out_fiber,
                             wsb_error **out_error)
{
    bool able = (wsb__features(ops) & WSB_ENGINE_FIBERS) != 0;
    *out_fiber = able && mode != WSB_EXECUTION_DIRECT;
    if (mode != WSB_EXECUTION_DIRECT && mode != WSB_EXECUTION_FIBER &&
        mode != WSB_EXECUTION_FIBER_IF_ABLE) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "instantiate: %d is no execution mode", (int)mode);
    }
    if (mode == WSB_EXECUTION_FIBER && !able) {
        wsb_error_details details = {
            .operation = "instantiate",
            .subject = "fibers",
            .suggestion = "use an engine that has the feature fibers, or "
                          "WSB_EXECUTION_FIBER_IF_ABLE: asynchronous calls then hold a thread"};
        return wsb_error_set(out_error, WSB_ERROR_UNSUPPORTED, &details,
                             "instantiate: engine '%s' does not have the feature fibers, which "
                             "WSB_EXECUTION_FIBER needs",
                             ops->id);
    }
    return WSB_OK;
}

static wsb_status check_config(wsb_module *module, const wsb_instance_config *config,
                               wsb_resource_limits *out_limits, wsb_error **out_error)
{
    wsb_status status = wsb__runtime_check_fork(module->runtime, "instantiate", out_error);
    if (status == WSB_OK) {
        status = wsb__capabilities_check(config->capabilities, out_error);
    }
    if (status == WSB_OK) {
        status = wsb_resource_limits_resolve(config->limits, out_limits, out_error);
    }
    if (status == WSB_OK) {
        status = check_engine(module->runtime->ops, out_limits, out_error);
    }
    return status == WSB_OK ? check_minimums(module, out_limits, out_error) : status;
}

/* Zeroed, but for the texts of a failure, of which only the first bytes are. */
static wsb_instance *allocate(void)
{
    wsb_instance *instance = wsb__alloc(sizeof *instance);
    if (instance != NULL) {
        memset(instance, 0, offsetof(wsb_instance, failure.message));
        instance->failure.message[0] = '\0';
        instance->failure.backtrace[0] = '\0';
    }
    return instance;
}

/* What the caller gave, in an instance that has no guest yet. */
static wsb_status note_config(wsb_instance *instance, wsb_module *module,
                              const wsb_instance_config *given, const wsb_resource_limits *limits,
                              bool fiber, wsb_error **out_error)
{
    instance->module = wsb_module_ref(module);
    instance->runtime = module->runtime;
    instance->ops = module->runtime->ops;
    instance->fork_generation = module->runtime->fork_generation;
    instance->limits = *limits;
    instance->limits.named = NULL;
    instance->limits.named_count = 0;
    instance->on_event = given->on_event;
    instance->on_event_data = given->on_event_data;
    instance->tag = given->tag;
    instance->user_data = given->user_data;
    wsb_status status = fiber ? wsb__fiber_init(instance, out_error) : WSB_OK;
    if (status == WSB_OK) {
        set_limits(instance);
        status = wsb__limit_registry_resolve(&module->runtime->limits, limits->named,
                                             limits->named_count, instance->named_limit, out_error);
    }
    return status;
}

wsb_status wsb_instance_create(wsb_module *module, const wsb_instance_config *config,
                               wsb_instance **out_instance, wsb_error **out_error)
{
    return wsb__instance_create(module, config, NULL, out_instance, out_error);
}

wsb_status wsb__instance_create(wsb_module *module, const wsb_instance_config *config,
                                const wsb__making *making, wsb_instance **out_instance,
                                wsb_error **out_error)
{
    wsb_instance_config given = WSB_INSTANCE_CONFIG_INIT;
    wsb_resource_limits limits;
    if (module == NULL || out_instance == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_INVALID_ARGUMENT, NULL,
                             "instantiate: no module, or nowhere to put the instance");
    }
    wsb_status status =
        wsb__options_copy(config, &given, sizeof given, "wsb_instance_config", out_error);
    if (status == WSB_OK) {
        status = check_config(module, &given, &limits, out_error);
    }
    bool fiber = false;
    if (status == WSB_OK) {
        status = check_mode(module->runtime->ops, given.mode, &fiber, out_error);
    }
    if (status != WSB_OK) {
        return status;
    }
    wsb_instance *instance = allocate();
    if (instance == NULL) {
        return wsb_error_set(out_error, WSB_ERROR_OUT_OF_MEMORY, NULL, "no memory for an instance");
    }
    status = note_config(instance, module, &given, &limits, fiber, out_error);
    if (status == WSB_OK) {
        instance->making = true;
        status = build(instance, &given, making, out_error);
        instance->making = false;
    }
    if (status != WSB_OK) {
        wsb__instance_free(instance);
        return status;
    }
    *out_instance = instance;
    return WSB_OK;
}
