//! The C ABI of include/wsb_native_module.h. All unsafe code is here.

use crate::bounds::Options;
use crate::failure::Failure;
use crate::Output;
use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

const MESSAGE: usize = 512;
const SUBJECT: usize = 64;

/// `wsbn_result`.
#[repr(C)]
pub struct WsbnResult {
    pub status: i32,
    pub message: [u8; MESSAGE],
    pub subject: [u8; SUBJECT],
    pub used: u64,
    pub allowed: u64,
    pub module: *mut u8,
    pub module_len: usize,
    pub info: *mut u8,
    pub info_len: usize,
}

impl WsbnResult {
    pub fn new() -> WsbnResult {
        WsbnResult {
            status: 0,
            message: [0; MESSAGE],
            subject: [0; SUBJECT],
            used: 0,
            allowed: 0,
            module: std::ptr::null_mut(),
            module_len: 0,
            info: std::ptr::null_mut(),
            info_len: 0,
        }
    }

    fn fail(&mut self, failure: &Failure) {
        self.status = failure.kind as i32;
        put_text(&mut self.message, &failure.message);
        put_text(&mut self.subject, &failure.subject);
        self.used = failure.used;
        self.allowed = failure.allowed;
    }
}

impl Default for WsbnResult {
    fn default() -> WsbnResult {
        WsbnResult::new()
    }
}

/// Puts one line of terminated UTF-8 into a field, cut at a character where it is too long. The
/// text may quote the module, so nothing in it may reach a terminal as a control character.
fn put_text(field: &mut [u8], text: &str) {
    let mut used = 0;
    for character in text.chars() {
        let shown = match character {
            '\n' | '\t' | '\r' => ' ',
            c if c.is_control() || is_direction(c) => '\u{fffd}',
            c => c,
        };
        if used + shown.len_utf8() >= field.len() {
            break;
        }
        used += shown.encode_utf8(&mut field[used..]).len();
    }
    field[used] = 0;
}

/// Marks that reorder the text around them.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs with panics unreported: a library does not write to its host's standard error.
pub(crate) fn quiet<T>(work: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.with(Cell::get) {
                previous(panic);
            }
        }));
    });
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            QUIET.with(|one| one.set(self.0));
        }
    }
    let _restore = Restore(QUIET.with(|one| one.replace(true)));
    work()
}

fn into_raw(bytes: Vec<u8>) -> (*mut u8, usize) {
    let bytes = bytes.into_boxed_slice();
    let len = bytes.len();
    (Box::into_raw(bytes).cast(), len)
}

/// Undoes into_raw().
///
/// # Safety
/// The pair came from into_raw() and is not used again.
unsafe fn drop_raw(bytes: *mut u8, len: usize) {
    if !bytes.is_null() {
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes, len)) });
    }
}

/// # Safety
/// As the C header says: `bytes` are `len` readable bytes (NULL allowed for 0), `options` and
/// `out_result` point to valid storage.
#[no_mangle]
pub unsafe extern "C" fn wsbn_process(
    bytes: *const u8,
    len: usize,
    options: *const Options,
    out_result: *mut WsbnResult,
) {
    if out_result.is_null() {
        return;
    }
    let mut result = WsbnResult::new();
    let outcome = if options.is_null() || (bytes.is_null() && len != 0) {
        Err(Failure::internal("no bytes or no options were given"))
    } else {
        let bytes =
            if len == 0 { &[][..] } else { unsafe { std::slice::from_raw_parts(bytes, len) } };
        let options = unsafe { *options };
        guarded(|| crate::process(bytes, &options))
    };
    match outcome {
        Ok(output) => {
            (result.module, result.module_len) = into_raw(output.module);
            (result.info, result.info_len) = into_raw(output.info);
        }
        Err(failure) => result.fail(&failure),
    }
    unsafe { out_result.write(result) };
}

/// A panic of a parser is a failure like others.
fn guarded(work: impl FnOnce() -> Result<Output, Failure>) -> Result<Output, Failure> {
    let caught = quiet(|| catch_unwind(AssertUnwindSafe(work)));
    caught.unwrap_or_else(|panic| {
        let said = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(Failure::internal(format!("the module parser failed: {said}")))
    })
}

/// # Safety
/// `result` is NULL or was filled by wsbn_process(), and is not used by another thread.
#[no_mangle]
pub unsafe extern "C" fn wsbn_result_fini(result: *mut WsbnResult) {
    if let Some(result) = unsafe { result.as_mut() } {
        unsafe {
            drop_raw(result.module, result.module_len);
            drop_raw(result.info, result.info_len);
        }
        *result = WsbnResult::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_terminated_line() {
        let mut field = [0xffu8; 8];
        put_text(&mut field, "a\nb\u{1b}\u{e9}\u{e9}");
        assert_eq!(&field[..7], b"a b\xef\xbf\xbd\0");
    }

    #[test]
    fn a_panic_is_an_internal_failure() {
        let failure = guarded(|| panic!("as if")).err().unwrap();
        assert_eq!(failure.kind, crate::Kind::Internal);
        assert!(failure.message.contains("as if"));
    }
}
