//! For guests of wasm-sandbox in Rust: functions that a host calls with JSON, MessagePack or bytes
//! ([`export!`]), calls of the host's functions ([`host`]), channels ([`channel`]) and remote
//! procedure calls over them ([`rpc`]).
//!
//! ```
//! use wasm_sandbox_guest::{export, Failure};
//!
//! fn reverse(input: &[u8]) -> Result<Vec<u8>, Failure> {
//!     if input.len() > 1000 {
//!         return Err(Failure::new(22, "too long"));
//!     }
//!     Ok(input.iter().rev().copied().collect())
//! }
//!
//! export!(reverse: bytes);
//! ```
//!
//! For `wasm32-wasip1` and `wasm32-unknown-unknown`, as a `cdylib` or a program. Nothing of the
//! host is imported unless it is used: channels need a grant, host functions need some to be there.
//! Elsewhere the crate compiles too, so that a guest's own tests run natively; there is no host
//! then, and whatever is asked of it is [`Error::NotFound`].

pub mod channel;
mod error;
pub mod export;
pub mod host;
mod json;
pub mod msgpack;
pub mod rpc;
mod sys;
mod timeout;

pub use channel::Channel;
pub use error::{Error, Failure};
#[cfg(feature = "serde_json")]
pub use export::Json;
pub use rpc::Rpc;
pub use timeout::Timeout;
