//! Functions that a host calls in Rust. `sum` takes bytes where the host's buffer convention put
//! them, in memory from `alloc`, and gives back a packed address and length.
use std::alloc::{alloc as allocate, dealloc as release, Layout};

#[no_mangle]
pub extern "C" fn add(a: i32, b: i32) -> i32 {
    a.wrapping_add(b)
}

#[no_mangle]
pub extern "C" fn mean(a: f64, b: f64) -> f64 {
    (a + b) / 2.0
}

#[no_mangle]
pub extern "C" fn hoard() -> usize {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1u8; 1 << 20]);
        if kept.len() > 1 << 16 {
            return kept.len();
        }
    }
}

#[no_mangle]
pub extern "C" fn spin() {
    let mut value = 0u32;
    loop {
        value = std::hint::black_box(value.wrapping_add(1));
    }
}

#[no_mangle]
pub extern "C" fn fail() {
    panic!("on purpose");
}

#[no_mangle]
pub extern "C" fn wsb_alloc(size: usize) -> *mut u8 {
    match Layout::from_size_align(size, 1) {
        Ok(layout) if size > 0 => unsafe { allocate(layout) },
        _ => std::ptr::null_mut(),
    }
}

/// # Safety
/// `data` is from `wsb_alloc(size)`.
#[no_mangle]
pub unsafe extern "C" fn wsb_free(data: *mut u8, size: usize) {
    if let Ok(layout) = Layout::from_size_align(size, 1) {
        release(data, layout);
    }
}

/// The bytes in upper case.
///
/// # Safety
/// `data` and `len` are memory that the host filled in.
#[no_mangle]
pub unsafe extern "C" fn upper(data: *const u8, len: usize) -> u64 {
    let out = wsb_alloc(len);
    if out.is_null() {
        return 0;
    }
    for i in 0..len {
        *out.add(i) = (*data.add(i)).to_ascii_uppercase();
    }
    (out as u64) << 32 | len as u64
}
