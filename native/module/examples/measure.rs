//! Times the phases on one module: `cargo run --release --example measure FILE [ROUNDS]`.

use std::time::Instant;
use wsb_native_module::{bodies, conventions, emit, info, scan, text, Failure, Options};

fn rounds(bytes: &[u8], options: &Options) -> Result<(), Failure> {
    let started = Instant::now();
    let binary = text::to_binary(bytes, &options.bounds)?;
    let scan = scan::scan(&binary, &options.bounds)?;
    let scanned = started.elapsed();
    let facts = bodies::validate(&scan, &options.bounds)?;
    let validated = started.elapsed();
    let declared = conventions::read(&scan)?;
    let module = emit::emit(&scan, &facts, options)?;
    let emitted = started.elapsed();
    let info = info::write(&scan, &facts, &declared, bytes.len() as u64)?;
    let all = started.elapsed();
    println!(
        "scan {:.1} ms, validate {:.1} ms, emit {:.1} ms, info {:.2} ms; all {:.1} ms, {:.0} MB/s; \
         {} functions, {} bodies with memory.grow, {} -> {} bytes, info {}",
        scanned.as_secs_f64() * 1e3,
        (validated - scanned).as_secs_f64() * 1e3,
        (emitted - validated).as_secs_f64() * 1e3,
        (all - emitted).as_secs_f64() * 1e3,
        all.as_secs_f64() * 1e3,
        bytes.len() as f64 / 1e6 / all.as_secs_f64(),
        scan.bodies.len(),
        facts.grows.len(),
        bytes.len(),
        module.len(),
        info.len(),
    );
    Ok(())
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("a file");
    let count = arguments.next().map_or(5, |count| count.parse().expect("a number of rounds"));
    let bytes = std::fs::read(file).expect("a readable file");
    for _ in 0..count {
        if let Err(failure) = rounds(&bytes, &Options::default()) {
            println!("{:?}: {} ({})", failure.kind, failure.message, failure.subject);
        }
    }
}
