//! Calls on a stack of their own: what `wasmtime_func_call_async()` and
//! `wasmtime_linker_define_async_func()` do, for functions without parameters, without their
//! conversions and most of their allocations.

use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use wasmtime_c_api::wasmtime::{Caller, Error, Func, Linker, Result, TypedFunc};
use wasmtime_c_api::{
    wasmtime_error_t, wasmtime_linker_t, WasmtimeStoreContext, WasmtimeStoreContextMut,
    WasmtimeStoreData,
};

const _: () = {
    assert!(size_of::<wasmtime_linker_t>() == size_of::<Linker<WasmtimeStoreData>>());
};

/// Wakes nobody: the one who resumes a guest knows when. Its data is the `waiting` of
/// `wsb_wasmtime_fiber_poll()`.
static WAKER: RawWakerVTable =
    RawWakerVTable::new(|data| RawWaker::new(data, &WAKER), |_| (), |_| (), |_| ());

/// Ready once the flag is clear that the poll brings along. Has nothing of its own, so that its
/// box is no allocation.
struct Wait;

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker();
        if ptr::eq(waker.vtable(), &WAKER) && unsafe { *waker.data().cast::<bool>() } {
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// What calls a store's function on a stack of its own, and such a call.
pub struct Fiber {
    call: Option<Pin<Box<dyn Future<Output = Result<()>>>>>,
    function: TypedFunc<(), ()>,
}

/// Defines "wsb" "suspend": the function in which a guest waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_define_suspend(
    linker: &mut wasmtime_linker_t,
) -> Option<Box<wasmtime_error_t>> {
    let linker = unsafe { &mut *(&raw mut *linker).cast::<Linker<WasmtimeStoreData>>() };
    linker
        .func_wrap_async("wsb", "suspend", |_: Caller<'_, _>, ()| Box::new(Wait))
        .err()
        .map(|error| Box::new(error.into()))
}

/// Calls "suspend" on the fiber that runs. False: the call is being dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_suspend(
    store: WasmtimeStoreContextMut<'_>,
    suspend: &Func,
) -> bool {
    unsafe { suspend.call_unchecked(store, &mut []) }.is_ok()
}

/// `function` has no parameters and no results. The store must outlive the fiber.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_fiber_new(
    store: WasmtimeStoreContext<'_>,
    function: &Func,
) -> Box<Fiber> {
    Box::new(Fiber {
        call: None,
        function: unsafe { TypedFunc::new_unchecked(store, *function) },
    })
}

/// Prepares a call, which the first poll begins. There must be none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_fiber_begin(
    fiber: *mut Fiber,
    store: WasmtimeStoreContextMut<'static>,
) {
    let (call, function) = unsafe { (&mut (*fiber).call, &(*fiber).function) };
    *call = Some(Box::pin(function.call_async(store, ())));
}

/// Runs the call until it ends (true) or is suspended. In "suspend" it stays while `waiting` is
/// set. An error means that it has not begun.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_fiber_poll(
    fiber: *mut Fiber,
    waiting: *const bool,
    out_error: &mut Option<Box<wasmtime_error_t>>,
) -> bool {
    let slot = unsafe { &mut (*fiber).call };
    let Some(call) = slot else {
        *out_error = Some(Box::new(Error::msg("there is no call").into()));
        return true;
    };
    let waker = unsafe { Waker::new(waiting.cast(), &WAKER) };
    match call.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Pending => false,
        Poll::Ready(result) => {
            *slot = None;
            *out_error = result.err().map(|error| Box::new(error.into()));
            true
        }
    }
}

/// Drops a call that is suspended: "suspend" fails in the guest.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsb_wasmtime_fiber_end(fiber: *mut Fiber) {
    unsafe { (*fiber).call = None };
}

/// Of a fiber without a call.
#[unsafe(no_mangle)]
pub extern "C" fn wsb_wasmtime_fiber_delete(_fiber: Option<Box<Fiber>>) {}
