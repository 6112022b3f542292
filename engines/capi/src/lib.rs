//! The types of `extra.h` as Rust sees them, for the `src/lib.rs` of each engine.

use std::ffi::c_void;

/// `WSBX_…`.
pub mod result {
    pub const OK: u32 = 0;
    pub const FAILED: u32 = 1;
    pub const UNSUPPORTED: u32 = 2;
    pub const TRAP: u32 = 16;
}

/// `wsb_trap`.
pub mod trap {
    pub const UNKNOWN: u32 = 0;
    pub const UNREACHABLE: u32 = 1;
    pub const MEMORY_OUT_OF_BOUNDS: u32 = 2;
    pub const TABLE_OUT_OF_BOUNDS: u32 = 3;
    pub const NULL_CALL: u32 = 4;
    pub const SIGNATURE_MISMATCH: u32 = 5;
    pub const INTEGER_OVERFLOW: u32 = 6;
    pub const DIVISION_BY_ZERO: u32 = 7;
    pub const BAD_CONVERSION: u32 = 8;
    pub const STACK_OVERFLOW: u32 = 9;
    pub const NULL_REFERENCE: u32 = 10;
    pub const UNCAUGHT_EXCEPTION: u32 = 11;
}

/// `wsb_value_type`.
pub mod value {
    pub const I32: u32 = 1;
    pub const I64: u32 = 2;
    pub const F32: u32 = 3;
    pub const F64: u32 = 4;
    pub const V128: u32 = 5;
}

/// `wsb_extern_kind`.
pub mod kind {
    pub const FUNCTION: u32 = 0;
    pub const MEMORY: u32 = 2;
    pub const GLOBAL: u32 = 3;
}

/// `wsb_raw_value`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Raw(pub [u64; 2]);

impl Raw {
    pub fn vector(&self) -> u128 {
        self.0[0] as u128 | (self.0[1] as u128) << 64
    }

    pub fn from_vector(vector: u128) -> Self {
        Self([vector as u64, (vector >> 64) as u64])
    }
}

/// `wsb_engine_handle`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Handle(pub [u64; 4]);

/// `wsb_function_type`.
#[repr(C)]
pub struct ValueTypes {
    params: *const u32,
    param_count: usize,
    results: *const u32,
    result_count: usize,
}

impl ValueTypes {
    pub fn params(&self) -> &[u32] {
        unsafe { slice(self.params, self.param_count) }
    }

    pub fn results(&self) -> &[u32] {
        unsafe { slice(self.results, self.result_count) }
    }
}

pub type HostFn =
    unsafe extern "C" fn(env: *mut c_void, caller: *mut c_void, values: *mut Raw) -> bool;

/// `wsbx_import`.
#[repr(C)]
pub struct Import {
    pub ty: *const ValueTypes,
    pub call: HostFn,
    pub env: *mut c_void,
}

/// `wsbx_sink`.
#[repr(C)]
pub struct Sink {
    data: *mut c_void,
    message: unsafe extern "C" fn(data: *mut c_void, text: *const u8, len: usize),
    frame: unsafe extern "C" fn(
        data: *mut c_void,
        name: *const u8,
        len: usize,
        function: u32,
        offset: u64,
    ),
}

impl Sink {
    pub fn message(&self, text: &str) {
        unsafe { (self.message)(self.data, text.as_ptr(), text.len()) };
    }

    pub fn frame(&self, name: &str, function: u32, offset: u64) {
        unsafe { (self.frame)(self.data, name.as_ptr(), name.len(), function, offset) };
    }
}

/// C's pointer and count; NULL where the count is 0.
///
/// # Safety
///
/// The elements must be there, and unchanged while the slice lives.
pub unsafe fn slice<'a, T>(pointer: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        &[]
    } else {
        unsafe { std::slice::from_raw_parts(pointer, count) }
    }
}
