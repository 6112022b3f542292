//! The second pass: validation, and with it what only reading the operators tells: `br_table`
//! targets, nesting, what a compiler has to join, proposals, and which bodies loop and grow.

use crate::bounds::{check, Bounds};
use crate::failure::Failure;
use crate::merges::Merges;
use crate::parallel;
use crate::proposals::{diagnose, FEATURES};
use crate::required;
use crate::scan::Scan;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, AtomicUsize, Ordering};
use wasmparser::{
    BinaryReader, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, ValidPayload,
    Validator, ValidatorResources,
};

const BR_TABLE: u8 = 0x0e;
const LOOP: u8 = 0x03;
const MEMORY_GROW: u8 = 0x40;
const EXTENDED: u8 = 0xfc;
const TABLE_GROW: u32 = 15;

/// Bodies that a worker claims at a time.
const CHUNK: usize = 64;
/// Below this much code a second thread costs more than it gives.
const PARALLEL_BYTES: u64 = 1 << 20;

/// What is in a body.
pub const LOOPS: u8 = 1;
pub const GROWS_MEMORY: u8 = 1 << 1;
pub const GROWS_TABLE: u8 = 1 << 2;

pub struct Facts {
    /// By body, the bits above.
    pub bodies: Vec<u8>,
    /// By table: whether a `table.grow` names it.
    pub table_grows: Vec<bool>,
    /// `WSB_ENGINE_*` bits of the proposals that the module uses.
    pub required: u64,
}

impl Facts {
    pub fn grows_memory(&self) -> bool {
        self.bodies.iter().any(|flags| flags & GROWS_MEMORY != 0)
    }
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
        Ok(facts) => Ok(facts),
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
    /// As in `Facts`.
    flags: Vec<AtomicU8>,
    table_grows: Vec<AtomicBool>,
}

/// What a worker reuses from body to body.
#[derive(Default)]
struct Scratch {
    allocations: FuncValidatorAllocations,
    merges: Merges,
}

fn validate_bodies(work: &[Work], scan: &Scan, bounds: &Bounds) -> Result<Facts, Stop> {
    let shared = Shared {
        bytes: scan.bytes,
        work,
        bounds,
        next: AtomicUsize::new(0),
        failed: AtomicUsize::new(usize::MAX),
        targets: AtomicU64::new(0),
        merges: AtomicU64::new(0),
        handlers: AtomicU64::new(0),
        required: AtomicU64::new(scan.required),
        flags: work.iter().map(|_| AtomicU8::new(0)).collect(),
        table_grows: scan.tables.iter().map(|_| AtomicBool::new(false)).collect(),
    };
    let outcomes = parallel::on_both(scan.code_size >= PARALLEL_BYTES, || drain(&shared));
    let first = outcomes.into_iter().flatten().min_by_key(|(body, _)| *body);
    if let Some((_, stop)) = first {
        return Err(stop);
    }
    Ok(Facts {
        bodies: shared.flags.into_iter().map(AtomicU8::into_inner).collect(),
        table_grows: shared.table_grows.into_iter().map(AtomicBool::into_inner).collect(),
        required: shared.required.into_inner(),
    })
}

/// Takes chunks until there are none. A worker stops only for a failure in an earlier body than
/// its own next, so that the failure reported is always that of the first bad body.
fn drain(shared: &Shared) -> Option<(usize, Stop)> {
    let mut scratch = Scratch::default();
    loop {
        let first = shared.next.fetch_add(CHUNK, Ordering::Relaxed);
        if first >= shared.work.len() || first > shared.failed.load(Ordering::Relaxed) {
            return None;
        }
        let last = shared.work.len().min(first + CHUNK);
        for body in first..last {
            if let Err(stop) = validate_body(shared, body, &mut scratch) {
                shared.failed.fetch_min(body, Ordering::Relaxed);
                return Some((body, stop));
            }
        }
    }
}

fn validate_body(shared: &Shared, index: usize, scratch: &mut Scratch) -> Result<(), Stop> {
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
    let mut flags = 0;
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
            LOOP => flags |= LOOPS,
            MEMORY_GROW => flags |= GROWS_MEMORY,
            _ => {}
        }
        reader.visit_operator(&mut validator.visitor(at))??;
        scratch.merges.operator(opcode, &place)?;
        required |= required::of_operator(opcode, &place)?;
        if opcode == EXTENDED && grows_table(shared, &place)? {
            flags |= GROWS_TABLE;
        }
        let height = u64::from(validator.control_stack_height());
        if height > frames {
            check("max_nesting", "nested blocks of a function", height - 1, bounds.max_nesting)?;
        }
    }
    reader.finish_expression(&validator.visitor(reader.original_position()))?;
    scratch.allocations = validator.into_allocations();
    check_merges(shared, &scratch.merges)?;
    shared.required.fetch_or(required, Ordering::Relaxed);
    shared.flags[index].store(flags, Ordering::Relaxed);
    Ok(())
}

/// Whether a valid operator is a `table.grow`, and notes of which table.
fn grows_table(shared: &Shared, place: &BinaryReader) -> Result<bool, Stop> {
    let mut reader = place.clone();
    reader.read_u8()?;
    if reader.read_var_u32()? != TABLE_GROW {
        return Ok(false);
    }
    if let Some(grows) = shared.table_grows.get(reader.read_var_u32()? as usize) {
        grows.store(true, Ordering::Relaxed);
    }
    Ok(true)
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
