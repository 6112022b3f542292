//! The call of a function with raw values: `wasmtime_func_call_unchecked()`, compiled in one piece
//! with what it calls.

use std::ptr;

use wasmtime_c_api::wasmtime::{Error, Func, ThrownException, Trap, ValRaw};
use wasmtime_c_api::{wasm_trap_t, wasmtime_error_t, WasmtimeStoreContextMut};

/// A trap goes to `out_trap`, anything else is returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_call(
    store: WasmtimeStoreContextMut<'_>,
    function: &Func,
    values: *mut ValRaw,
    count: usize,
    out_trap: &mut *mut wasm_trap_t,
) -> Option<Box<wasmtime_error_t>> {
    let values = ptr::slice_from_raw_parts_mut(values, count);
    match unsafe { function.call_unchecked(store, values) } {
        Ok(()) => None,
        Err(error) => fail(error, out_trap),
    }
}

#[cold]
fn fail(error: Error, out_trap: &mut *mut wasm_trap_t) -> Option<Box<wasmtime_error_t>> {
    if error.is::<Trap>() || error.is::<ThrownException>() {
        *out_trap = Box::into_raw(Box::new(error)).cast();
        return None;
    }
    Some(Box::new(error.into()))
}
