/* Every row and the bound that it must keep. */
#include "bench.h"

const bench_bound bench_bounds[] = {
    {"call.prepared", "prepared call / raw unchecked call", "ns", BENCH_RATIO, 2.5, false},
    {"call.prepared_raw", "prepared raw call / raw unchecked call", "ns", BENCH_RATIO, 2.5, false},
    {"call.checked", "prepared call / raw checked call", "ns", BENCH_RATIO, 0.4, false},
    {"call.name", "call by name and id / raw checked call", "ns", BENCH_RATIO, 1.0, false},
    {"instance.cycle", "create + destroy, tiny instance", "us", BENCH_RATIO, 1.5, false},
    {"hello.cycle", "create, run hello, destroy / raw with its WASI", "us", BENCH_RATIO, 0.3,
     false},
    {"json.add", "JSON call less prepared call / JSON library", "ns", BENCH_RATIO, 2.0, false},
    {"io.pread", "pread 4 KiB / native", "ns", BENCH_RATIO, 1.5, false},
    {"io.pwrite", "pwrite 4 KiB / native", "ns", BENCH_RATIO, 1.5, false},
    {"io.open", "open + close / native", "ns", BENCH_RATIO, 3.0, false},
    {"io.clock", "clock / native", "ns", BENCH_RATIO, 3.0, false},
    {"process.hello", "run cached hello / raw program", "ms", BENCH_RATIO, 1.3, true},
    {"process.python", "run cached CPython / raw program", "ms", BENCH_RATIO, 1.5, true},
    {"process.python_mac", "… / raw program that also hashes native code", "ms", BENCH_INFO, 0,
     true},
    {"memory.idle", "resident, each of 1,000 idle instances", "KiB", BENCH_ABSOLUTE, 64, false},
    {"memory.cycles", "growth over 1,000,000 cycles", "KiB", BENCH_ABSOLUTE, 1024, false},
    {"scan.python", "scan + transform CPython / compiling it", "ms", BENCH_RATIO, 0.03, true},
    {"scan.yosys", "scan + transform Yosys / compiling it", "ms", BENCH_RATIO, 0.03, true},
    {"deadline.spin", "overshoot p99, 50 busy siblings", "ms", BENCH_ABSOLUTE, 10e6, false},
    {"deadline.alone", "overshoot p99, no siblings", "ms", BENCH_ABSOLUTE, 10e6, false},
    {"deadline.siblings", "siblings disturbed", "", BENCH_ABSOLUTE, 0, false},
    {"deadline.fill", "overshoot p99 in memory.fill, less one fill", "ms", BENCH_ABSOLUTE, 10e6,
     false},
    {"rpc.guest", "RPC host, guest, host / JSON call", "ns", BENCH_RATIO, 3, false},
    {"rpc.guest_json", "the same by JSON-RPC", "ns", BENCH_INFO, 0, false},
    {"async.calls", "10,000 calls in flight / by as many threads", "us", BENCH_RATIO, 1.25, false},
    {"async.short", "the same, shorter calls", "us", BENCH_INFO, 0, false},
    {"async.empty", "the same, empty calls", "us", BENCH_INFO, 0, false},
    {"async.fiber_calls", "the same in fiber mode", "us", BENCH_RATIO, 1.25, false},
    {"async.fiber_short", "the same, shorter calls", "us", BENCH_INFO, 0, false},
    {"async.fiber_empty", "the same, empty calls", "us", BENCH_INFO, 0, false},
    {"async.queued", "memory of a queued call", "B", BENCH_ABSOLUTE, 1024, false},
    {"async.sleeping", "resident, each of 10,000 sleeping guests", "KiB", BENCH_ABSOLUTE, 32,
     false},
    {"async.beside_sleep", "a short call beside them / alone", "us", BENCH_RATIO, 1.5, false},
    {"async.receiving", "resident, each of 10,000 receiving guests", "KiB", BENCH_ABSOLUTE, 32,
     false},
    {"async.beside_receive", "a short call beside them / alone", "us", BENCH_RATIO, 1.5, false},
    {"async.cancel", "cancel of a running guest, p99", "ms", BENCH_ABSOLUTE, 10e6, false},
    {"async.cancel_fiber", "the same in fiber mode", "ms", BENCH_ABSOLUTE, 10e6, false},
    {"channel.one", "64 B message, 1 + 1 threads / mutex and condvar", "ns", BENCH_RATIO, 2, false},
    {"channel.many", "64 B message, 4 + 4 threads / mutex and condvar", "ns", BENCH_RATIO, 2,
     false},
    {"channel.many_one", "64 B message, 4 + 4 threads / 1 + 1", "ns", BENCH_INFO, 0, false},
    {"channel.long", "64 KiB message, host to host / memcpy", "us", BENCH_INFO, 0, false},
    {"channel.guest", "64 KiB message, guest to host / memcpy", "us", BENCH_RATIO, 1.0 / 0.6,
     false},
};
const size_t bench_bound_count = sizeof bench_bounds / sizeof bench_bounds[0];

static const char all[] = "wasmtime wasmer wasmi";
static const char compiled[] = "wasmtime wasmer";
/* What the library puts into modules was measured on this one; Wasmtime's are not rewritten, and an
 * interpreter pays for every instruction. */
static const char rewritten[] = "wasmer";

const bench_metric bench_metrics[] = {
    {"engines", "call", "prepared call / its cheapest call", "ns", 2.5, all, true, false},
    {"engines", "instance", "create + destroy / by its own C API", "us", 1.5, all, true, false},
    {"io", "pread", "pread 4 KiB / native", "ns", 2, compiled, false, false},
    {"io", "pwrite", "pwrite 4 KiB / native", "ns", 2, compiled, false, false},
    {"io", "open", "open + close / native", "ns", 2, compiled, false, false},
    {"engines", "fib", "fib(35) / without deadline", "ms", 1.25, rewritten, true, false},
    {"engines", "sweep", "memory loop / without deadline", "ms", 1.25, rewritten, true, false},
    {"engines", "plain", "the same, nothing before it", "ms", 1.25, rewritten, true, false},
    {"engines", "fib_fuel", "fib(35) with fuel / without", "ms", 0, "", false, false},
    {"engines", "sweep_fuel", "memory loop with fuel / without", "ms", 0, "", false, false},
    {"engines", "plain_fuel", "the same with fuel / without", "ms", 0, "", false, false},
    {"engines", "compile", "compile the C library / by its own C API", "ms", 0, "", true, false},
    {"engines", "compile_python", "compile CPython / by its own C API", "ms", 0, "", true, true},
};
const size_t bench_metric_count = sizeof bench_metrics / sizeof bench_metrics[0];
