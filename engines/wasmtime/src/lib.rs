//! Re-exports Wasmtime's C API so that its symbols end up in this static archive, and adds the
//! few functions that it lacks. Each is listed with its reason in docs/internals/engines.md; the
//! declarations for C are in `extra.h`.
//!
//! The C API's types are `#[repr(C)]` structs of one field each, so a pointer to one is a pointer
//! to that field; that is how the fields, which are private to the crate, are reached.

use std::cell::OnceCell;
use std::ffi::c_void;

use wasmtime_c_api::wasmtime::{
    Config, Enabled, Engine, Error, Memory, PoolConcurrencyLimitError, PoolingAllocationConfig,
    ResourceLimiter, Store, WasmBacktrace, WasmBacktraceDetails,
};
pub use wasmtime_c_api::*;

pub mod call;
pub mod fiber;

const _: () = {
    assert!(size_of::<wasm_config_t>() == size_of::<Config>());
    assert!(size_of::<wasm_engine_t>() == size_of::<Engine>());
    assert!(size_of::<wasmtime_error_t>() == size_of::<Error>());
    assert!(size_of::<wasm_trap_t>() == size_of::<Error>());
    assert!(size_of::<wasmtime_store_t>() == size_of::<WasmtimeStore>());
    assert!(
        size_of::<wasmtime_pooling_allocation_config_t>() == size_of::<PoolingAllocationConfig>()
    );
};

/// `wasm_engine_new_with_config()` aborts the process where the engine cannot be made (a pool
/// that does not fit the address space). This returns the error instead. Takes the config.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_engine_new(
    config: Box<wasm_config_t>,
    out_engine: &mut *mut wasm_engine_t,
) -> Option<Box<wasmtime_error_t>> {
    let config = unsafe { &*(&raw const *config).cast::<Config>() };
    match Engine::new(config) {
        Ok(engine) => {
            *out_engine = Box::into_raw(Box::new(engine)).cast();
            None
        }
        Err(error) => Some(Box::new(error.into())),
    }
}

/// Settings without a C function. Whether a trap reads the guest's debug information is not left
/// to the environment (WASMTIME_BACKTRACE_DETAILS): it would parse what the guest brought. The pages
/// of a fiber's stack go back to the system with its instance: a deep recursion would keep them in
/// the pool for good.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_config_harden(config: &mut wasm_config_t) {
    let config = unsafe { &mut *(&raw mut *config).cast::<Config>() };
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.async_stack_zeroing(true);
}

/// Lets the pool ask the kernel which pages a guest wrote, where the kernel can tell.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_pool_scan_pages(
    pool: &mut wasmtime_pooling_allocation_config_t,
) {
    let pool = unsafe { &mut *(&raw mut *pool).cast::<PoolingAllocationConfig>() };
    pool.pagemap_scan(Enabled::Auto);
}

/// What an instance may still take, whether it was refused something, and whether a memory was
/// about to grow. Same as in `extra.h`.
#[repr(C)]
pub struct Limits {
    memory_left: u64,
    table_left: u64,
    refused: bool,
    grows: bool,
}

fn take(
    left: &mut u64,
    refused: &mut bool,
    current: usize,
    desired: usize,
    max: Option<usize>,
) -> bool {
    if max.is_some_and(|max| desired > max) {
        return false;
    }
    let more = desired.saturating_sub(current) as u64;
    match left.checked_sub(more) {
        Some(rest) => {
            if *left != u64::MAX {
                *left = rest;
            }
            true
        }
        None => {
            *refused = true;
            false
        }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.grows = true;
        Ok(take(
            &mut self.memory_left,
            &mut self.refused,
            current,
            desired,
            maximum,
        ))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(take(
            &mut self.table_left,
            &mut self.refused,
            current,
            desired,
            maximum,
        ))
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }
}

struct LimitsPointer(*mut Limits);
unsafe impl Send for LimitsPointer {}
unsafe impl Sync for LimitsPointer {}

impl LimitsPointer {
    fn get(&self) -> *mut Limits {
        self.0
    }
}

/// `wasmtime_store_limiter()` limits each table and memory by itself. This one limits their sum
/// (all tables; the memory and the heap of references), and tells that it refused. `limits` must
/// outlive the store.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_store_limits(
    store: &mut wasmtime_store_t,
    limits: *mut Limits,
) {
    let store = unsafe { &mut *(&raw mut *store).cast::<WasmtimeStore>() };
    let limits = LimitsPointer(limits);
    store.limiter(move |_| unsafe { &mut *limits.get() });
}

/// `wasmtime_memory_data()` and `wasmtime_memory_data_size()` in one.
#[unsafe(no_mangle)]
pub extern "C" fn wsb_wasmtime_memory(
    store: WasmtimeStoreContextMut<'_>,
    memory: &Memory,
    out_base: &mut *mut u8,
    out_size: &mut u64,
) {
    let data = memory.data_mut(store);
    *out_base = data.as_mut_ptr();
    *out_size = data.len() as u64;
}

/// Whether a pool had no slot left. `error` is a `wasmtime_error_t` or a `wasm_trap_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_error_is_pool(error: *const c_void) -> bool {
    unsafe { &*error.cast::<Error>() }.is::<PoolConcurrencyLimitError>()
}

/// Hands out the text of an error without its backtrace: all causes, or with `root` the innermost
/// only. `error` is a `wasmtime_error_t` or a `wasm_trap_t`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_error_text(
    error: *const c_void,
    root: bool,
    emit: extern "C" fn(text: *const u8, len: usize, data: *mut c_void),
    data: *mut c_void,
) {
    let error = unsafe { &*error.cast::<Error>() };
    let text = if root {
        error.root_cause().to_string()
    } else {
        format!("{error:#}")
    };
    emit(text.as_ptr(), text.len(), data);
}

thread_local! {
    static QUIET: OnceCell<Store<()>> = const { OnceCell::new() };
}

/// A trap for a host function to return, made without walking the guest's stack: every command
/// ends with one (`proc_exit`). Wasmtime captures a backtrace unless the error carries one, so it
/// gets an empty one, from a store that captures none.
#[unsafe(no_mangle)]
pub extern "C" fn wsb_wasmtime_quiet_trap() -> *mut wasm_trap_t {
    let error = Error::msg("host function trapped");
    let error = QUIET
        .try_with(|quiet| {
            let store = quiet.get_or_init(|| {
                let mut config = Config::new();
                config.wasm_backtrace_max_frames(None);
                Store::new(&Engine::new(&config).expect("plain engine"), ())
            });
            WasmBacktrace::capture(store)
        })
        .map_or_else(
            |_| Error::msg("host function trapped"),
            |trace| error.context(trace),
        );
    Box::into_raw(Box::new(error)).cast()
}
