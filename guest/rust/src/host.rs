//! Calls of functions that the host offers under a name.

use crate::channel::fill;
use crate::error::{Error, Failure};
use crate::sys;

/// How input and output of a host function are written. The host transcodes between JSON and
/// MessagePack; bytes go with functions of bytes only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON text.
    Json = 0,
    /// MessagePack.
    Msgpack = 1,
    /// Anything.
    Bytes = 2,
}

/// Calls a host function with a value of serde and gives its result as one.
///
/// ```no_run
/// let price: f64 = wasm_sandbox_guest::host::call("price", "apple")?;
/// # Ok::<(), wasm_sandbox_guest::Error>(())
/// ```
#[cfg(feature = "serde_json")]
pub fn call<I, O>(name: &str, input: &I) -> Result<O, Error>
where
    I: serde::Serialize + ?Sized,
    O: serde::de::DeserializeOwned,
{
    let input = serde_json::to_vec(input).map_err(|error| Error::Data(error.to_string()))?;
    let output = call_raw(name, Encoding::Json, &input)?;
    serde_json::from_slice(&output).map_err(|error| Error::Data(error.to_string()))
}

/// Calls a host function with JSON text; gives JSON text.
pub fn call_json(name: &str, input: &str) -> Result<String, Error> {
    let output = call_raw(name, Encoding::Json, input.as_bytes())?;
    String::from_utf8(output).map_err(|_| Error::Malformed)
}

/// Calls a host function with MessagePack; gives MessagePack.
pub fn call_msgpack(name: &str, input: &[u8]) -> Result<Vec<u8>, Error> {
    call_raw(name, Encoding::Msgpack, input)
}

/// Calls a host function with bytes; gives bytes.
pub fn call_bytes(name: &str, input: &[u8]) -> Result<Vec<u8>, Error> {
    call_raw(name, Encoding::Bytes, input)
}

/// Calls a host function. What it reports is [`Error::Remote`], with code and message.
pub fn call_raw(name: &str, encoding: Encoding, input: &[u8]) -> Result<Vec<u8>, Error> {
    let mut answer = Vec::new();
    let mut called = false;
    fill(&mut answer, |out, room| unsafe {
        if called {
            return sys::host::take(out, room);
        }
        called = true;
        let (name, name_len) = (name.as_ptr(), name.len());
        sys::host::call(name, name_len, encoding as i32, input.as_ptr(), input.len(), out, room)
    })?;
    open(answer)
}

/// Takes the status off an answer.
fn open(mut answer: Vec<u8>) -> Result<Vec<u8>, Error> {
    let status = *answer.first_chunk::<4>().ok_or(Error::Malformed)?;
    match i32::from_le_bytes(status) {
        0 => {
            answer.drain(..4);
            Ok(answer)
        }
        code => {
            let message = String::from_utf8_lossy(&answer[4..]);
            Err(Error::Remote(Failure::new(code, message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_status_and_what_belongs_to_it() {
        assert_eq!(open(b"\0\0\0\0[1]".to_vec()), Ok(b"[1]".to_vec()));
        assert_eq!(open(vec![0; 4]), Ok(Vec::new()));
        assert_eq!(open(vec![0; 3]), Err(Error::Malformed));
        let failure = Failure::new(-2, "no \u{fffd}");
        assert_eq!(open(b"\xfe\xff\xff\xffno \xff".to_vec()), Err(Error::Remote(failure)));
    }

    #[test]
    fn there_is_no_function_without_a_host() {
        assert_eq!(call_bytes("x", b""), Err(Error::NotFound));
    }
}
