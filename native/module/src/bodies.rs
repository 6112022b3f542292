//! The second pass: validation, and with it what only reading the operators tells: `br_table`
//! targets, nesting, what a compiler has to join, and where `memory.grow` is.

use crate::bounds::{check, Bounds};
use crate::failure::Failure;
use crate::merges::Merges;
use crate::proposals::{diagnose, FEATURES};
use crate::required;
use crate::scan::Scan;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, ValidPayload,
    Validator, ValidatorResources,
};

const BR_TABLE: u8 = 0x0e;
const MEMORY_GROW: u8 = 0x40;

/// Bodies that a worker claims at a time.
const CHUNK: usize = 64;
/// Below this much code a second thread costs more than it gives.
const PARALLEL_BYTES: u64 = 1 << 20;

/// The `memory.grow` of one body: offsets in the module, ascending.
pub struct Grows {
    pub body: usize,
    pub at: Vec<usize>,
}

/// By body, ascending.
pub struct Facts {
    pub grows: Vec<Grows>,
    /// `WSB_ENGINE_*` bits of the proposals that the module uses.
    pub required: u64,
}

type Work<'a> = (FuncToValidate<ValidatorResources>, FunctionBody<'a>);

enum Stop {
    Parser(wasmparser::Error),
    Failure(Failure),
}

impl From<wasmparser::Error> for Stop {
    fn from(error: wasmparser::Error) -> Stop {
        Stop::Parser(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

pub fn validate(scan: &Scan, bounds: &Bounds) -> Result<Facts, Failure> {
    let outcome = outline(scan.bytes)
        .map_err(Stop::Parser)
        .and_then(|work| validate_bodies(&work, scan, bounds));
    match outcome {
        Ok((grows, found)) => Ok(Facts { grows, required: scan.required | found }),
        Err(Stop::Failure(failure)) => Err(failure),
        Err(Stop::Parser(error)) => Err(diagnose(scan.bytes, error)),
    }
}

/// Validates all but the bodies.
fn outline(bytes: &[u8]) -> Result<Vec<Work<'_>>, wasmparser::Error> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut work = Vec::new();
    for payload in parser.parse_all(bytes) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            work.push((function, body));
        }
    }
    Ok(work)
}

/// What the workers share.
struct Shared<'a> {
    bytes: &'a [u8],
    work: &'a [Work<'a>],
    bounds: &'a Bounds,
    next: AtomicUsize,
    /// The first body known to fail.
    failed: AtomicUsize,
    targets: AtomicU64,
    merges: AtomicU64,
    handlers: AtomicU64,
    required: AtomicU64,
}

/// What a worker reuses from body to body.
#[derive(Default)]
struct Scratch {
    allocations: FuncValidatorAllocations,
    merges: Merges,
}

fn validate_bodies(work: &[Work], scan: &Scan, bounds: &Bounds) -> Result<(Vec<Grows>, u64), Stop> {
    let shared = Shared {
        bytes: scan.bytes,
        work,
        bounds,
        next: AtomicUsize::new(0),
        failed: AtomicUsize::new(usize::MAX),
        targets: AtomicU64::new(0),
        merges: AtomicU64::new(0),
        handlers: AtomicU64::new(0),
        required: AtomicU64::new(0),
    };
    let mut outcomes = Vec::new();
    std::thread::scope(|scope| {
        // Where no thread can be had, this one does it all.
        let other = (scan.code_size >= PARALLEL_BYTES)
            .then(|| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, || crate::abi::quiet(|| drain(&shared)))
            })
            .and_then(Result::ok);
        outcomes.push(drain(&shared));
        match other.map(|thread| thread.join()) {
            Some(Ok(outcome)) => outcomes.push(outcome),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => {}
        }
    });
    let mut grows = Vec::new();
    let mut first: Option<(usize, Stop)> = None;
    for (found, stop) in outcomes {
        grows.extend(found);
        if let Some((body, stop)) = stop {
            if first.as_ref().map_or(true, |(other, _)| body < *other) {
                first = Some((body, stop));
            }
        }
    }
    if let Some((_, stop)) = first {
        return Err(stop);
    }
    grows.sort_unstable_by_key(|one| one.body);
    Ok((grows, shared.required.into_inner()))
}

/// Takes chunks until there are none. A worker stops only for a failure in an earlier body than
/// its own next, so that the failure reported is always that of the first bad body.
fn drain(shared: &Shared) -> (Vec<Grows>, Option<(usize, Stop)>) {
    let mut scratch = Scratch::default();
    let mut grows = Vec::new();
    loop {
        let first = shared.next.fetch_add(CHUNK, Ordering::Relaxed);
        if first >= shared.work.len() || first > shared.failed.load(Ordering::Relaxed) {
            return (grows, None);
        }
        let last = shared.work.len().min(first + CHUNK);
        for body in first..last {
            match validate_body(shared, body, &mut scratch) {
                Ok(at) if at.is_empty() => {}
                Ok(at) => grows.push(Grows { body, at }),
                Err(stop) => {
                    shared.failed.fetch_min(body, Ordering::Relaxed);
                    return (grows, Some((body, stop)));
                }
            }
        }
    }
}

fn validate_body(shared: &Shared, index: usize, scratch: &mut Scratch) -> Result<Vec<usize>, Stop> {
    let (function, body) = &shared.work[index];
    let function = FuncToValidate {
        resources: function.resources.clone(),
        index: function.index,
        ty: function.ty,
        features: function.features,
    };
    let bounds = shared.bounds;
    let mut validator = function.into_validator(std::mem::take(&mut scratch.allocations));
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(FEATURES);
    let mut grows = Vec::new();
    let mut targets = 0u64;
    let mut required = 0;
    scratch.merges.begin();
    // The frame of the function itself is not a nested block.
    let frames = bounds.max_nesting.saturating_add(1);
    while !reader.eof() {
        let at = reader.original_position();
        let opcode = shared.bytes[at as usize];
        let place = reader.clone();
        match opcode {
            BR_TABLE => count_targets(shared, &reader, &mut targets)?,
            MEMORY_GROW => grows.push(at as usize),
            _ => {}
        }
        reader.visit_operator(&mut validator.visitor(at))??;
        scratch.merges.operator(opcode, &place)?;
        required |= required::of_operator(opcode, &place)?;
        let height = u64::from(validator.control_stack_height());
        if height > frames {
            check("max_nesting", "nested blocks of a function", height - 1, bounds.max_nesting)?;
        }
    }
    reader.finish_expression(&validator.visitor(reader.original_position()))?;
    scratch.allocations = validator.into_allocations();
    check_merges(shared, &scratch.merges)?;
    shared.required.fetch_or(required, Ordering::Relaxed);
    Ok(grows)
}

/// What is joined and handled, of the body and of the module so far.
fn check_merges(shared: &Shared, found: &Merges) -> Result<(), Failure> {
    let bounds = shared.bounds;
    let (merges, handlers) = (found.merges(), found.handlers());
    let what = "values that meet at branches of a function";
    check("max_function_merges", what, merges, bounds.max_function_merges)?;
    let what = "handlers of a function's calls";
    check("max_function_handlers", what, handlers, bounds.max_function_handlers)?;
    let total = add(&shared.merges, merges);
    check("max_merges", "values that meet at branches", total, bounds.max_merges)?;
    let total = add(&shared.handlers, handlers);
    check("max_handlers", "handlers of calls", total, bounds.max_handlers)
}

fn add(to: &AtomicU64, amount: u64) -> u64 {
    to.fetch_add(amount, Ordering::Relaxed).saturating_add(amount)
}

/// Before the validator reads them: the table is as long as the body allows.
fn count_targets(shared: &Shared, reader: &BinaryReader, targets: &mut u64) -> Result<(), Stop> {
    let bounds = shared.bounds;
    let mut ahead = reader.clone();
    ahead.read_u8()?;
    let count = u64::from(ahead.read_var_u32()?);
    if count > ahead.bytes_remaining() as u64 {
        return Ok(()); // malformed: the validator says it
    }
    *targets += count;
    check(
        "max_function_branch_targets",
        "br_table targets of a function",
        *targets,
        bounds.max_function_branch_targets,
    )?;
    let total = shared.targets.fetch_add(count, Ordering::Relaxed) + count;
    check("max_branch_targets", "br_table targets", total, bounds.max_branch_targets)?;
    Ok(())
}
