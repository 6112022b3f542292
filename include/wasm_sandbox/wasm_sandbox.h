/**
 * @file wasm_sandbox.h
 * Runs untrusted code, compiled to WebAssembly, inside your program.
 *
 * Start with sandbox.h (ids, thread-safe, JSON) or, for the fastest calls, with runtime.h,
 * module.h and instance.h. base.h explains ownership, threads and outputs.
 */
#ifndef WASM_SANDBOX_H
#define WASM_SANDBOX_H

#include <wasm_sandbox/base.h>
#include <wasm_sandbox/capabilities.h>
#include <wasm_sandbox/channel.h>
#include <wasm_sandbox/error.h>
#include <wasm_sandbox/event.h>
#include <wasm_sandbox/executor.h>
#include <wasm_sandbox/future.h>
#include <wasm_sandbox/host_function.h>
#include <wasm_sandbox/instance.h>
#include <wasm_sandbox/limits.h>
#include <wasm_sandbox/module.h>
#include <wasm_sandbox/rpc.h>
#include <wasm_sandbox/runtime.h>
#include <wasm_sandbox/sandbox.h>
#include <wasm_sandbox/status.h>
#include <wasm_sandbox/usage.h>
#include <wasm_sandbox/value.h>
#include <wasm_sandbox/waker.h>

#endif
