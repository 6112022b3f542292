/* The registry of engines. It knows none by name. */
#ifndef WSB_RUNTIME_FACTORY_H
#define WSB_RUNTIME_FACTORY_H

#include <wasm_sandbox/plugin/engine.h>

/* A factory without engines. Caller owns; release with wsb_runtime_factory_destroy(). */
WSB_NODISCARD wsb_status wsb__factory_create_empty(wsb_runtime_factory **out_factory,
                                                   wsb_error **out_error);

/* What is done to each runtime that the factory makes, before its caller gets it (the built-in
 * host modules are registered there). A failure destroys the runtime and is the caller's. NULL:
 * nothing. */
typedef wsb_status (*wsb__runtime_setup_fn)(wsb_runtime *runtime, void *user_data,
                                            wsb_error **out_error);
void wsb__factory_set_setup(wsb_runtime_factory *factory, wsb__runtime_setup_fn setup,
                            void *user_data);

#endif
