//! The stack that a guest runs on.
//!
//! Wasmer runs guests on stacks of its own, which it keeps in one pool for the whole process and
//! hands out to any call that asks for no more: a variant with a small `max_stack` would run on a
//! larger one's stack. So all stacks have one size here, and a call enters the guest so far down
//! that only its `max_stack` is left. What is skipped is never touched.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null;

use wasmer_types::RawValue;
use wasmer_vm::{
    Trap, VMConfig, VMContext, VMFunctionBody, VMFunctionContext, VMTrampoline,
    wasmer_call_trampoline,
};

/// The largest `max_stack`, as in `entry.c`.
const SIZE: usize = 64 << 20;

/// For the frames between the stack's start and the guest, and for what compiled code calls.
const RESERVE: usize = 8 << 10;

/// What walking the stack needs of it.
const ROOM_TO_WALK: usize = 32 << 10;

pub static CONFIG: VMConfig = VMConfig {
    wasm_stack_size: Some(SIZE + RESERVE),
};

/// What a call skips. C checked `max_stack`.
pub fn unused(max_stack: u64) -> usize {
    SIZE.saturating_sub(max_stack as usize)
}

thread_local! {
    /// The lowest address of the innermost guest's stack.
    static LOWEST: Cell<usize> = const { Cell::new(0) };
}

/// Whether the caller runs on a guest's stack with too little of it left to walk it.
///
/// A trap that compiled code's helpers raise walks the stack on the guest's own; running out of it
/// there, in the middle of an allocation, would leave the allocator's lock taken for ever. See
/// `../backtrace.c`.
#[unsafe(no_mangle)]
pub extern "C" fn wsbx_stack_is_low() -> bool {
    let here = 0u8;
    let lowest = LOWEST.get();
    lowest != 0 && (&raw const here as usize).wrapping_sub(lowest) < ROOM_TO_WALK
}

/// A call of a guest's function. The offsets are known to the assembly below.
#[repr(C)]
pub struct Call {
    pub unused: usize,
    pub trampoline: VMTrampoline,
    pub vmctx: VMFunctionContext,
    pub function: *const VMFunctionBody,
}

impl Call {
    /// # Safety
    ///
    /// The pointers are those of a function of an instance that nobody else uses now, and `values`
    /// has room for its parameters and results.
    pub unsafe fn run(&self, values: *mut RawValue) -> Result<(), Trap> {
        let outer = LOWEST.get();
        let this = VMFunctionContext {
            host_env: (&raw const *self).cast_mut().cast::<c_void>(),
        };
        let result = unsafe {
            wasmer_call_trampoline(None, &CONFIG, this, wsbx_enter, null(), values.cast())
        };
        LOWEST.set(outer);
        result
    }
}

/// Called by the assembly, with the stack pointer where the guest starts.
#[unsafe(no_mangle)]
unsafe extern "C" fn wsbx_entered(call: &Call, values: *mut RawValue) {
    let here = 0u8;
    let start = &raw const here as usize;
    LOWEST.set(start.saturating_sub(SIZE - call.unused + RESERVE));
    unsafe { (call.trampoline)(call.vmctx.vmctx, call.function, values) };
}

// A context without fields is how Wasmer declares it; here it is a `Call`.
#[allow(improper_ctypes)]
unsafe extern "C" {
    /// A `VMTrampoline` whose context is a [`Call`].
    fn wsbx_enter(call: *mut VMContext, none: *const VMFunctionBody, values: *mut RawValue);
}

#[cfg(target_arch = "x86_64")]
std::arch::global_asm!(
    ".pushsection .text.wsbx_enter,\"ax\",@progbits",
    ".hidden wsbx_enter",
    ".globl wsbx_enter",
    ".type wsbx_enter,@function",
    "wsbx_enter:",
    ".cfi_startproc",
    "endbr64",
    "push rbp",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset rbp, -16",
    "mov rbp, rsp",
    ".cfi_def_cfa_register rbp",
    "sub rsp, [rdi]",
    "and rsp, -16",
    "mov rsi, rdx",
    "call {entered}",
    "leave",
    ".cfi_def_cfa rsp, 8",
    "ret",
    ".cfi_endproc",
    ".size wsbx_enter, .-wsbx_enter",
    ".popsection",
    entered = sym wsbx_entered,
);

#[cfg(target_arch = "aarch64")]
std::arch::global_asm!(
    ".pushsection .text.wsbx_enter,\"ax\",@progbits",
    ".hidden wsbx_enter",
    ".globl wsbx_enter",
    ".type wsbx_enter,@function",
    "wsbx_enter:",
    ".cfi_startproc",
    "hint #34",
    "stp x29, x30, [sp, #-16]!",
    ".cfi_def_cfa_offset 16",
    ".cfi_offset x29, -16",
    ".cfi_offset x30, -8",
    "mov x29, sp",
    ".cfi_def_cfa x29, 16",
    "ldr x9, [x0]",
    "and x9, x9, #-16",
    "sub sp, sp, x9",
    "mov x1, x2",
    "bl {entered}",
    "mov sp, x29",
    ".cfi_def_cfa sp, 16",
    "ldp x29, x30, [sp], #16",
    ".cfi_def_cfa_offset 0",
    "ret",
    ".cfi_endproc",
    ".size wsbx_enter, .-wsbx_enter",
    ".popsection",
    entered = sym wsbx_entered,
);
