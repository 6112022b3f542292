//! Functions that the host calls: what [`export!`](crate::export!) is made of.

use crate::error::Failure;

/// Exports functions of this crate under their names, each with the encoding of what it takes and
/// returns: `json`, `msgpack` or `bytes`.
///
/// A function takes one [`Input`](crate::export::Input) and returns an
/// [`Output`](crate::export::Output). It stays an ordinary function, to be called by tests.
///
/// ```
/// # use wasm_sandbox_guest::{export, Failure};
/// fn shout(json: &str) -> Result<String, Failure> {
///     Ok(json.to_uppercase())
/// }
/// fn reverse(input: &[u8]) -> Vec<u8> {
///     input.iter().rev().copied().collect()
/// }
/// export! { shout: json, reverse: bytes }
/// ```
///
/// Functions over numbers need none of this: `#[no_mangle] pub extern "C" fn add(a: i32, b: i32)
/// -> i32` is called by position.
#[macro_export]
macro_rules! export {
    ($($name:ident : $encoding:ident),+ $(,)?) => {
        $($crate::export!(@declare $name $encoding);)+
    };
    (@declare $name:ident json) => { $crate::export!(@define $name "json"); };
    (@declare $name:ident msgpack) => { $crate::export!(@define $name "msgpack"); };
    (@declare $name:ident bytes) => { $crate::export!(@define $name "bytes"); };
    (@declare $name:ident $other:ident) => {
        compile_error!(concat!("the encoding is json, msgpack or bytes, not ", stringify!($other)));
    };
    (@define $name:ident $encoding:literal) => {
        const _: () = {
            const BODY: fn(&[u8], &mut Vec<u8>) -> Result<(), $crate::Failure> = |input, out| {
                $crate::export::Output::write($name($crate::export::Input::read(input)?), out)
            };

            #[cfg(target_arch = "wasm32")]
            #[export_name = stringify!($name)]
            unsafe extern "C" fn exported(data: *const u8, len: usize) -> u64 {
                unsafe { $crate::export::serve(data, len, BODY) }
            }

            const TEXT: &str = concat!("1:", stringify!($name), ":buffer:", $encoding, "\0");

            #[cfg_attr(target_arch = "wasm32", link_section = "wasm_sandbox")]
            #[used]
            static RECORD: [u8; TEXT.len()] = match TEXT.as_bytes().first_chunk() {
                Some(bytes) => *bytes,
                None => unreachable!(),
            };

            let _ = BODY;
        };
    };
}

/// What an exported function can take. Text is the encoding's own: `&str` in a function of JSON is
/// JSON text. A value of serde is taken as `Json` (feature `serde_json`).
pub trait Input<'a>: Sized {
    /// Reads it from what the host sent; bad input is a failure of the call.
    fn read(bytes: &'a [u8]) -> Result<Self, Failure>;
}

impl<'a> Input<'a> for &'a [u8] {
    fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        Ok(bytes)
    }
}

impl<'a> Input<'a> for &'a str {
    fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        std::str::from_utf8(bytes)
            .map_err(|error| Failure::new(Failure::BAD_INPUT, error.to_string()))
    }
}

impl Input<'_> for Vec<u8> {
    fn read(bytes: &[u8]) -> Result<Self, Failure> {
        Ok(bytes.to_vec())
    }
}

impl Input<'_> for String {
    fn read(bytes: &[u8]) -> Result<Self, Failure> {
        <&str>::read(bytes).map(String::from)
    }
}

/// What an exported function can return: bytes, text, a value of serde as `Json`, or a `Result` of
/// one of those with what can become a [`Failure`].
pub trait Output {
    /// Appends it in the function's encoding.
    fn write(self, out: &mut Vec<u8>) -> Result<(), Failure>;
}

impl Output for &[u8] {
    fn write(self, out: &mut Vec<u8>) -> Result<(), Failure> {
        out.extend_from_slice(self);
        Ok(())
    }
}

impl Output for &str {
    fn write(self, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.as_bytes().write(out)
    }
}

impl Output for Vec<u8> {
    fn write(self, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.as_slice().write(out)
    }
}

impl Output for String {
    fn write(self, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.as_bytes().write(out)
    }
}

impl<T: Output, E: Into<Failure>> Output for Result<T, E> {
    fn write(self, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.map_err(Into::into)?.write(out)
    }
}

/// A value of serde, written as JSON.
#[cfg(feature = "serde_json")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

#[cfg(feature = "serde_json")]
impl<'a, T: serde::Deserialize<'a>> Input<'a> for Json<T> {
    fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes)
            .map(Json)
            .map_err(|error| Failure::new(Failure::BAD_INPUT, error.to_string()))
    }
}

#[cfg(feature = "serde_json")]
impl<T: serde::Serialize> Output for Json<T> {
    fn write(self, out: &mut Vec<u8>) -> Result<(), Failure> {
        serde_json::to_writer(out, &self.0).map_err(|error| Failure::from(error.to_string()))
    }
}

/// What the body of an exported function is turned into.
#[doc(hidden)]
pub type Body = fn(&[u8], &mut Vec<u8>) -> Result<(), Failure>;

/// The status, little-endian, and what belongs to it.
#[cfg(any(test, target_arch = "wasm32"))]
fn answer(input: &[u8], body: Body) -> Vec<u8> {
    let mut out = vec![0; 4];
    if let Err(failure) = body(input, &mut out) {
        let code = if failure.code == 0 { 1 } else { failure.code };
        out.clear();
        out.extend_from_slice(&code.to_le_bytes());
        out.extend_from_slice(failure.message.as_bytes());
    }
    out
}

/// Runs an exported function. Its result lies in memory that `wsb_free()` takes back.
///
/// # Safety
/// `len` bytes at `data` are the host's input.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub unsafe fn serve(data: *const u8, len: usize, body: Body) -> u64 {
    let input = if len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, len) } };
    let out = answer(input, body).into_boxed_slice();
    let len = out.len() as u64;
    (Box::into_raw(out) as *mut u8 as u64) << 32 | len
}

#[cfg(target_arch = "wasm32")]
mod memory {
    use std::alloc::{alloc, dealloc, Layout};

    /// Memory for the host's input; null when there is none.
    #[no_mangle]
    extern "C" fn wsb_alloc(size: usize) -> *mut u8 {
        match Layout::from_size_align(size, 1) {
            // SAFETY: the size is not 0.
            Ok(layout) if size > 0 => unsafe { alloc(layout) },
            _ => std::ptr::null_mut(),
        }
    }

    /// Gives memory of `wsb_alloc(size)` back, or a result of that size.
    #[no_mangle]
    unsafe extern "C" fn wsb_free(memory: *mut u8, size: usize) {
        if let (false, Ok(layout)) =
            (memory.is_null() || size == 0, Layout::from_size_align(size, 1))
        {
            unsafe { dealloc(memory, layout) };
        }
    }
}

/// A library for WASI is started once, by this. Without it the linker would make each export run
/// all constructors before, and all destructors after. A program has it beside its `_start`, which
/// runs constructors too: Rust has none of its own.
#[cfg(all(target_arch = "wasm32", target_os = "wasi"))]
mod reactor {
    extern "C" {
        fn __wasm_call_ctors();
    }

    #[no_mangle]
    extern "C" fn _initialize() {
        // SAFETY: the host calls it once, before anything else.
        unsafe { __wasm_call_ctors() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_begins_with_its_status() {
        assert_eq!(answer(b"ab", |input, out| input.write(out)), b"\0\0\0\0ab");
        assert_eq!(
            answer(b"", |_, out| {
                out.extend_from_slice(b"begun");
                Err(Failure::new(-2, "no"))
            }),
            b"\xfe\xff\xff\xffno"
        );
        assert_eq!(answer(b"", |_, _| Err(Failure::new(0, "x"))), b"\x01\0\0\0x");
    }

    #[test]
    fn input_that_is_no_text_is_a_failure() {
        assert_eq!(<&str>::read(b"\xff").unwrap_err().code, Failure::BAD_INPUT);
        assert_eq!(String::read(b"ok"), Ok("ok".to_string()));
    }
}
