//! Times the phases on one module, and writes what comes out where that is wanted:
//! `cargo run --release --example measure FILE [ROUNDS [ADD [OUTPUT]]]`; ADD is a sum of
//! `WSBN_ADD_*` bits.

use std::time::Instant;
use wsb_native_module::{bodies, conventions, emit, info, plan, scan, text, Failure, Options};

fn round(bytes: &[u8], options: &Options) -> Result<Vec<u8>, Failure> {
    let started = Instant::now();
    let binary = text::to_binary(bytes, &options.bounds)?;
    let scan = scan::scan(&binary, &options.bounds)?;
    let scanned = started.elapsed();
    let facts = bodies::validate(&scan, &options.bounds)?;
    let validated = started.elapsed();
    let declared = conventions::read(&scan)?;
    let plan = plan::plan(&scan, &facts, options)?;
    let module = emit::emit(&scan, &facts, &plan, options)?;
    let emitted = started.elapsed();
    let info = info::write(&scan, &facts, &plan, &declared, bytes.len() as u64)?;
    let all = started.elapsed();
    println!(
        "scan {:.1} ms, validate {:.1} ms, emit {:.1} ms, info {:.2} ms; all {:.1} ms, {:.0} MB/s; \
         {} functions, {} -> {} bytes, info {}",
        scanned.as_secs_f64() * 1e3,
        (validated - scanned).as_secs_f64() * 1e3,
        (emitted - validated).as_secs_f64() * 1e3,
        (all - emitted).as_secs_f64() * 1e3,
        all.as_secs_f64() * 1e3,
        bytes.len() as f64 / 1e6 / all.as_secs_f64(),
        scan.bodies.len(),
        bytes.len(),
        module.len(),
        info.len(),
    );
    Ok(module)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("a file");
    let count = arguments.next().map_or(5, |count| count.parse().expect("a number of rounds"));
    let add = arguments.next().map_or(0, |add| add.parse().expect("a number of ADD bits"));
    let output = arguments.next();
    let bytes = std::fs::read(file).expect("a readable file");
    let options = Options { add, ..Options::default() };
    for _ in 0..count {
        match round(&bytes, &options) {
            Ok(module) => {
                if let Some(output) = &output {
                    std::fs::write(output, module).expect("a writable file");
                }
            }
            Err(failure) => {
                println!("{:?}: {} ({})", failure.kind, failure.message, failure.subject);
            }
        }
    }
}
