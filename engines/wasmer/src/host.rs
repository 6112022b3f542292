//! Host functions.

use std::cell::UnsafeCell;
use std::error::Error;
use std::ffi::c_void;
use std::fmt;
use std::ptr::null;

use ffi::{HostFn, Import};
use wasmer_types::{FunctionType, RawValue};
use wasmer_vm::{
    InternalStoreHandle, MaybeInstanceOwned, StoreObjects, VMCallerCheckedAnyfunc, VMContext,
    VMDynamicFunctionContext, VMFunction, VMFunctionBody, VMFunctionContext, VMFunctionKind,
    VMSignatureHash, on_host_stack, raise_user_trap,
};

/// The instance is used by one thread at a time, and C keeps `env` valid for as long.
struct Host {
    call: HostFn,
    env: *mut c_void,
}

type Context = VMDynamicFunctionContext<Host>;

/// Ends the guest; C knows why.
#[derive(Debug)]
struct Ended;

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a host function ended the guest")
    }
}

impl Error for Ended {}

/// What the module's code calls, with the values in an array. Nothing here needs dropping when the
/// trap leaves it.
unsafe extern "C-unwind" fn called(context: &mut Context, values: *mut RawValue) {
    let (call, env) = (context.ctx.call, context.ctx.env);
    let caller = (&raw mut *context).cast();
    if !on_host_stack(|| unsafe { call(env, caller, values.cast()) }) {
        unsafe { raise_user_trap(Box::new(Ended)) };
    }
}

/// What calls it from outside, where the guest exports its import.
unsafe extern "C" fn called_directly(
    context: *mut VMContext,
    _function: *const VMFunctionBody,
    values: *mut RawValue,
) {
    unsafe { called(&mut *context.cast(), values) };
}

pub fn function(
    objects: &mut StoreObjects,
    import: &Import,
    signature: FunctionType,
) -> InternalStoreHandle<VMFunction> {
    let context = Box::new(Context {
        address: called as *const VMFunctionBody,
        ctx: Host {
            call: import.call,
            env: import.env,
        },
    });
    let anyfunc = VMCallerCheckedAnyfunc {
        // Set when the instance is made, to code that puts the values into an array.
        func_ptr: null(),
        type_signature_hash: VMSignatureHash::new(signature.signature_hash()),
        vmctx: VMFunctionContext {
            host_env: (&raw const *context).cast_mut().cast(),
        },
        call_trampoline: called_directly,
    };
    let function = VMFunction {
        anyfunc: MaybeInstanceOwned::Host(Box::new(UnsafeCell::new(anyfunc))),
        signature,
        kind: VMFunctionKind::Dynamic,
        host_data: context,
    };
    InternalStoreHandle::new(objects, function)
}
