#include "runtime/bounds.h"

#include "core/options.h"

/* Fields in their order, with the defaults that module.h documents: well above what real programs
 * have (a 69 MB build of Yosys passes), and below what no machine compiles: one function at the
 * bounds can still take a minute and gigabytes. */
#define BOUNDS(X)                                                                                  \
    X(max_module_size, (uint64_t)256 * 1024 * 1024)                                                \
    X(max_functions, 150000)                                                                       \
    X(max_function_size, (uint64_t)1024 * 1024)                                                    \
    X(max_locals, 50000)                                                                           \
    X(max_branch_targets, 2000000)                                                                 \
    X(max_function_branch_targets, 200000)                                                         \
    X(max_nesting, 1000)                                                                           \
    X(max_types, 1000000)                                                                          \
    X(max_imports, 10000)                                                                          \
    X(max_exports, 100000)                                                                         \
    X(max_globals, 20000)                                                                          \
    X(max_tables, 100)                                                                             \
    X(max_data_segments, 100000)                                                                   \
    X(max_element_segments, 100000)                                                                \
    X(max_elements, 10000000)                                                                      \
    X(max_total_locals, 20000000)                                                                  \
    X(max_merges, 80000000)                                                                        \
    X(max_function_merges, 5000000)                                                                \
    X(max_handlers, 4000000)                                                                       \
    X(max_function_handlers, 400000)

wsb_status wsb__module_bounds_resolve(const wsb_module_bounds *given, wsb_module_bounds *out_bounds,
                                      wsb_error **out_error)
{
    wsb_module_bounds bounds = WSB_MODULE_BOUNDS_INIT;
    wsb_status status =
        wsb__options_copy(given, &bounds, sizeof bounds, "wsb_module_bounds", out_error);
    if (status != WSB_OK) {
        return status;
    }
#define RESOLVE(field, value)                                                                      \
    bounds.field = bounds.field == 0 ? (value) : bounds.field == WSB_NONE ? 0 : bounds.field;
    BOUNDS(RESOLVE)
#undef RESOLVE
    *out_bounds = bounds;
    return WSB_OK;
}

wsbn_bounds wsb__module_bounds_native(const wsb_module_bounds *bounds)
{
    wsbn_bounds native;
#define COPY(field, value) native.field = bounds->field;
    BOUNDS(COPY)
#undef COPY
    return native;
}
