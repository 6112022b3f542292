//! Reads, checks and rewrites WebAssembly modules behind a small C ABI.
//!
//! Glue only: the parsing is done by wasmparser and wat, the encoding by wasm-encoder. What it
//! promises and the format of what it returns are in `docs/internals/module.md`.

pub mod abi;
pub mod bodies;
pub mod bounds;
mod code;
pub mod conventions;
mod cost;
mod countdown;
pub mod emit;
pub mod failure;
mod fuel;
mod hints;
pub mod info;
mod labels;
mod limits;
pub mod merges;
mod meters;
pub mod names;
mod parallel;
mod paths;
pub mod plan;
pub mod proposals;
mod reindex;
pub mod required;
pub mod scan;
mod startup;
pub mod text;
mod writer;

pub use bounds::{Bounds, Options};
pub use failure::{Failure, Kind};
pub use proposals::FEATURES;

/// What [`process`] makes of a module.
pub struct Output {
    pub module: Vec<u8>,
    pub info: Vec<u8>,
}

/// Scans and transforms a module, in the binary or the text format.
pub fn process(bytes: &[u8], options: &Options) -> Result<Output, Failure> {
    let binary = text::to_binary(bytes, &options.bounds)?;
    let scan = scan::scan(&binary, &options.bounds)?;
    let facts = bodies::validate(&scan, &options.bounds)?;
    let declared = conventions::read(&scan)?;
    let plan = plan::plan(&scan, &facts, options)?;
    let module = emit::emit(&scan, &facts, &plan, options)?;
    let info = info::write(&scan, &facts, &plan, &declared, bytes.len() as u64)?;
    Ok(Output { module, info })
}
