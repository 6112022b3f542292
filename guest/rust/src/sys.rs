//! The host's side as it is. Only what is used becomes an import of the guest.

/// One thing that is waited for.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Entry {
    pub handle: i32,
    pub events: u32,
    pub ready: u32,
}

#[cfg(target_arch = "wasm32")]
pub mod channel {
    #[link(wasm_import_module = "wsb_channel")]
    extern "C" {
        pub fn open(name: *const u8, name_len: usize) -> i32;
        pub fn send(handle: i32, lane: i32, data: *const u8, len: usize, timeout: i64) -> i32;
        pub fn receive(handle: i32, lane: i32, out: *mut u8, room: usize, timeout: i64) -> i64;
        pub fn wait(entries: *mut super::Entry, count: usize, timeout: i64) -> i32;
        pub fn close(handle: i32) -> i32;
    }
}

#[cfg(target_arch = "wasm32")]
pub mod host {
    #[link(wasm_import_module = "wsb_host")]
    extern "C" {
        pub fn call(
            name: *const u8,
            name_len: usize,
            encoding: i32,
            input: *const u8,
            input_len: usize,
            out: *mut u8,
            room: usize,
        ) -> i64;
        pub fn take(out: *mut u8, room: usize) -> i64;
    }
}

/// Where there is no host, nothing is granted.
#[cfg(not(target_arch = "wasm32"))]
pub mod channel {
    const NOT_FOUND: i32 = -2;

    pub unsafe fn open(_: *const u8, _: usize) -> i32 {
        NOT_FOUND
    }
    pub unsafe fn send(_: i32, _: i32, _: *const u8, _: usize, _: i64) -> i32 {
        NOT_FOUND
    }
    pub unsafe fn receive(_: i32, _: i32, _: *mut u8, _: usize, _: i64) -> i64 {
        NOT_FOUND as i64
    }
    pub unsafe fn wait(_: *mut super::Entry, _: usize, _: i64) -> i32 {
        NOT_FOUND
    }
    pub unsafe fn close(_: i32) -> i32 {
        NOT_FOUND
    }
}

/// As for channels.
#[cfg(not(target_arch = "wasm32"))]
pub mod host {
    const NOT_FOUND: i64 = -2;

    pub unsafe fn call(
        _: *const u8,
        _: usize,
        _: i32,
        _: *const u8,
        _: usize,
        _: *mut u8,
        _: usize,
    ) -> i64 {
        NOT_FOUND
    }
    pub unsafe fn take(_: *mut u8, _: usize) -> i64 {
        NOT_FOUND
    }
}
