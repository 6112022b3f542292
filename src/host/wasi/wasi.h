/* WASI preview 1 as two host modules, written against plugin/host_module.h like a stranger's. */
#ifndef WSB_HOST_WASI_WASI_H
#define WSB_HOST_WASI_WASI_H

#include <wasm_sandbox/plugin/host_module.h>

/* `wasi_snapshot_preview1`. */
extern const wsb_host_module_ops wsb__wasi_preview1;
/* `wasi_unstable`, snapshot 0. An instance that imports from both has one state for them. */
extern const wsb_host_module_ops wsb__wasi_unstable;

#endif
