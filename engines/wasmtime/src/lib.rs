//! Re-exports Wasmtime's C API so that its symbols end up in this static archive.

pub use wasmtime_c_api::*;
