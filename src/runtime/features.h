/* What engines do themselves, and what the library puts into the modules of those that do not. */
#ifndef WSB_RUNTIME_FEATURES_H
#define WSB_RUNTIME_FEATURES_H

#include <wasm_sandbox/plugin/engine.h>

/* wsb_engine_feature bits: what holds for the guests of an engine, by itself or by rewriting. */
uint32_t wsb__features(const wsb_runtime_ops *ops);

/* WSBN_ADD_* bits: what must be put into a module for the engine, where fuel is metered or not. */
uint32_t wsb__features_added(const wsb_runtime_ops *ops, bool fuel);

/* WSB_OK where the engine has every proposal of `required`; else WSB_ERROR_UNSUPPORTED, which names
 * the first that it lacks. */
WSB_NODISCARD wsb_status wsb__features_check(const wsb_runtime_ops *ops, uint32_t required,
                                             wsb_error **out_error);

/* The type in a signature that the engine cannot hand to or take from the host, as text: "v128",
 * "externref", "a reference"; NULL where it can be passed. */
const char *wsb__features_unpassable(const wsb_runtime_ops *ops, const wsb_function_type *type);

#endif
