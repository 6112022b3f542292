//! The code section, where bodies change.

use crate::bodies::{Facts, GROWS_MEMORY, GROWS_TABLE, LOOPS};
use crate::bounds::check;
use crate::cost;
use crate::countdown::Countdown;
use crate::failure::Failure;
use crate::fuel::Fuel;
use crate::hints::AllHints;
use crate::meters::Style;
use crate::parallel;
use crate::paths::{Paths, LONG};
use crate::plan::{Plan, LARGEST_FUNCTION};
use crate::scan::Scan;
use crate::writer::Writer;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use wasm_encoder::{BlockType, Encode};
use wasmparser::{BinaryReader, Operator, OperatorsReader};

/// Bodies that a worker claims at a time.
const CHUNK: usize = 256;
/// Below this much code a second thread costs more than it gives.
const PARALLEL_BYTES: u64 = 1 << 18;
/// Of parameters and locals together: what validators of all engines allow.
const MOST_LOCALS: u64 = 50_000;
/// Bytes, of a value type.
const I64: u8 = 0x7e;

/// Bodies with their sizes, in the module as given or new.
pub enum Piece {
    Old(Range<usize>),
    New(Vec<u8>),
}

impl Piece {
    pub fn len(&self) -> usize {
        match self {
            Piece::Old(range) => range.len(),
            Piece::New(bytes) => bytes.len(),
        }
    }
}

pub struct Rewritten {
    pub pieces: Vec<Piece>,
    /// Where hinted branches are now, by body.
    pub moved: BTreeMap<usize, Vec<u32>>,
}

/// What a worker made of one chunk.
#[derive(Default)]
struct Chunk {
    first: usize,
    pieces: Vec<Piece>,
    moved: Vec<(usize, Vec<u32>)>,
}

struct Work<'s, 'a> {
    scan: &'s Scan<'a>,
    facts: &'s Facts,
    plan: &'s Plan,
    hints: &'s AllHints,
    /// Bytes of all bodies.
    allowed: u64,
    written: AtomicU64,
    next: AtomicUsize,
    failed: AtomicUsize,
}

type Outcome = (Vec<Chunk>, Option<(usize, Failure)>);

pub fn rewrite(
    scan: &Scan,
    facts: &Facts,
    plan: &Plan,
    hints: &AllHints,
    allowed: u64,
) -> Result<Rewritten, Failure> {
    let work = Work {
        scan,
        facts,
        plan,
        hints,
        allowed,
        written: AtomicU64::new(0),
        next: AtomicUsize::new(0),
        failed: AtomicUsize::new(usize::MAX),
    };
    let second = scan.code_size >= PARALLEL_BYTES;
    let outcomes = parallel::on_both(second, || work.drain());
    let mut chunks = Vec::new();
    let mut failures = Vec::new();
    for (done, failure) in outcomes {
        chunks.extend(done);
        failures.extend(failure);
    }
    if let Some((_, failure)) = failures.into_iter().min_by_key(|(body, _)| *body) {
        return Err(failure);
    }
    chunks.sort_unstable_by_key(|chunk| chunk.first);
    let mut rewritten = Rewritten { pieces: Vec::new(), moved: BTreeMap::new() };
    for chunk in chunks {
        rewritten.pieces.extend(chunk.pieces);
        rewritten.moved.extend(chunk.moved);
    }
    Ok(rewritten)
}

impl<'s, 'a> Work<'s, 'a> {
    /// Takes chunks until there are none, or one before is known to fail.
    fn drain(&self) -> Outcome {
        let mut body = Body::new(self);
        let mut chunks = Vec::new();
        loop {
            let first = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= self.scan.bodies.len() || first > self.failed.load(Ordering::Relaxed) {
                return (chunks, None);
            }
            match self.chunk(first, &mut body) {
                Ok(chunk) => chunks.push(chunk),
                Err((index, failure)) => {
                    self.failed.fetch_min(index, Ordering::Relaxed);
                    return (chunks, Some((index, failure)));
                }
            }
        }
    }

    fn changes(&self, body: usize) -> bool {
        let flags = self.facts.bodies[body];
        self.plan.code.moves
            || self.scan.bodies[body].range.len() >= LONG as usize
            || flags & GROWS_MEMORY != 0
            || (flags & GROWS_TABLE != 0 && self.plan.table_limit)
    }

    fn chunk(&self, first: usize, body: &mut Body<'s, 'a>) -> Result<Chunk, (usize, Failure)> {
        let last = self.scan.bodies.len().min(first + CHUNK);
        let mut chunk = Chunk { first, ..Chunk::default() };
        for index in first..last {
            let old = &self.scan.bodies[index];
            if !self.changes(index) {
                chunk.keep(old.size_at..old.range.end);
                continue;
            }
            let moved = body.write(index).map_err(|failure| (index, failure))?;
            if self.hints.contains_key(&index) {
                chunk.moved.push((index, moved));
            }
            chunk.add(&body.scratch);
        }
        Ok(chunk)
    }
}

impl Chunk {
    fn keep(&mut self, range: Range<usize>) {
        match self.pieces.last_mut() {
            Some(Piece::Old(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Old(range)),
        }
    }

    fn add(&mut self, body: &[u8]) {
        if !matches!(self.pieces.last(), Some(Piece::New(_))) {
            self.pieces.push(Piece::New(Vec::new()));
        }
        if let Some(Piece::New(bytes)) = self.pieces.last_mut() {
            (body.len() as u32).encode(bytes);
            bytes.extend_from_slice(body);
        }
    }
}

/// What counts in the body that is being written.
enum Meter<'p> {
    /// The engine itself, at entries and loop heads. Between them a body could run for 50 ms, in
    /// each frame of a deep stack that is returned through.
    Engine(Paths),
    Countdown(Countdown<'p>),
    Fuel(Fuel<'p>),
}

/// Writes one body after the other.
struct Body<'s, 'a> {
    work: &'s Work<'s, 'a>,
    meter: Meter<'s>,
    scratch: Vec<u8>,
}

impl<'s, 'a> Body<'s, 'a> {
    fn new(work: &'s Work<'s, 'a>) -> Body<'s, 'a> {
        let code = &work.plan.code;
        let meter = match &code.counter {
            None => Meter::Engine(Paths::default()),
            Some(counter) if counter.style == Style::Fuel => Meter::Fuel(Fuel::new(code, counter)),
            Some(counter) => Meter::Countdown(Countdown::new(code, counter)),
        };
        Body { work, meter, scratch: Vec::new() }
    }

    /// Into `scratch`; returns where hinted branches are.
    fn write(&mut self, index: usize) -> Result<Vec<u32>, Failure> {
        let scan = self.work.scan;
        let range = scan.bodies[index].range.clone();
        let hinted = self.work.hints.get(&index).map_or(&[][..], |hints| &hints.places);
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut writer = Writer::new(scan.bytes, out, range.start, hinted);
        let mut reader = scan.reader(range.clone());
        let function = (scan.imported_functions + index) as u32;
        let loops = self.work.facts.bodies[index] & LOOPS != 0;
        let local = self.locals(&mut reader, function, loops, &mut writer)?;
        match &mut self.meter {
            Meter::Engine(paths) => paths.begin(),
            Meter::Countdown(countdown) => countdown.begin(&mut writer, local, loops),
            Meter::Fuel(fuel) => fuel.begin(&mut writer),
        }
        self.operators(reader, &mut writer).map_err(|error| Failure::malformed(&error))?;
        writer.copy_to(range.end);
        let (out, moved) = writer.finish();
        self.scratch = out;
        self.check_size()?;
        Ok(moved)
    }

    fn check_size(&self) -> Result<(), Failure> {
        let size = self.scratch.len() as u64;
        let what = "bytes of a transformed function";
        check("max_function_size", what, size, LARGEST_FUNCTION)?;
        let written = self.work.written.fetch_add(size, Ordering::Relaxed).saturating_add(size);
        check("max_module_size", "bytes of transformed code", written, self.work.allowed)
    }

    /// The declarations, with the one that a countdown needs for loops: its index is returned.
    fn locals(
        &self,
        reader: &mut BinaryReader,
        function: u32,
        loops: bool,
        writer: &mut Writer,
    ) -> Result<u32, Failure> {
        let (runs, start, own) = skip_locals(reader).map_err(|error| Failure::malformed(&error))?;
        let end = reader.original_position() as usize;
        if !loops || !matches!(self.meter, Meter::Countdown(_)) {
            writer.copy_to(end);
            return Ok(0);
        }
        let params = self.work.scan.signature(function).map_or(0, |one| one.params().len());
        let local = own + params as u64;
        let what = "locals of a transformed function";
        check("max_locals", what, local + 1, MOST_LOCALS)?;
        writer.number(runs + 1);
        writer.skip_to(start);
        writer.copy_to(end);
        writer.raw(&[1, I64]);
        Ok(local as u32)
    }

    fn operators(
        &mut self,
        reader: BinaryReader<'a>,
        writer: &mut Writer,
    ) -> wasmparser::Result<()> {
        let code = &self.work.plan.code;
        let mut reader = OperatorsReader::new(reader);
        while !reader.eof() {
            let place = reader.original_position() as usize;
            let operator = reader.read()?;
            let end = reader.original_position() as usize;
            if cost::is_plain(self.work.scan.bytes[place]) {
                match &mut self.meter {
                    Meter::Engine(paths) => step(paths, 1, place, writer),
                    Meter::Countdown(countdown) => countdown.plain(place, writer),
                    Meter::Fuel(fuel) => fuel.plain(place, writer),
                }
                continue;
            }
            match &mut self.meter {
                Meter::Engine(paths) => step(paths, cost::of(&operator), place, writer),
                Meter::Countdown(countdown) => countdown.before(&operator, place, writer),
                Meter::Fuel(fuel) => fuel.before(&operator, place, writer),
            }
            replace(code, &operator, place, end, writer);
            match &mut self.meter {
                Meter::Engine(paths) => drop(paths.follow(&operator)),
                Meter::Countdown(countdown) => countdown.after(&operator, end, writer),
                Meter::Fuel(fuel) => fuel.after(&operator, end, writer),
            }
        }
        if let Meter::Countdown(countdown) = &mut self.meter {
            countdown.finish(writer);
        }
        Ok(())
    }
}

/// Before an operator, where the engine counts: a long way gets a loop that does not repeat, for
/// the check at its head.
fn step(paths: &mut Paths, cost: u32, place: usize, writer: &mut Writer) {
    if paths.is_long() {
        paths.restart();
        writer.copy_to(place);
        writer.insert().loop_(BlockType::Empty).end();
    }
    paths.add(cost);
}

/// How many runs, where the first is, and how many locals they declare.
fn skip_locals(reader: &mut BinaryReader) -> wasmparser::Result<(u32, usize, u64)> {
    let runs = reader.read_var_u32()?;
    let start = reader.original_position() as usize;
    let mut count = 0;
    for _ in 0..runs {
        count += u64::from(reader.read_var_u32()?);
        reader.read::<wasmparser::ValType>()?;
    }
    Ok((runs, start, count))
}

/// Operators that name a function whose index changed, or that a function stands for.
fn replace(
    code: &crate::plan::Code,
    operator: &Operator,
    place: usize,
    end: usize,
    writer: &mut Writer,
) {
    let instead = |writer: &mut Writer| {
        writer.copy_to(place);
        writer.skip_to(end);
    };
    match operator {
        Operator::Call { function_index } if code.moves => {
            instead(writer);
            writer.insert().call(code.function(*function_index));
        }
        Operator::ReturnCall { function_index } if code.moves => {
            instead(writer);
            writer.insert().return_call(code.function(*function_index));
        }
        Operator::RefFunc { function_index } if code.moves => {
            instead(writer);
            writer.insert().ref_func(code.function(*function_index));
        }
        Operator::MemoryGrow { .. } => {
            if let Some(function) = code.memory_grow {
                instead(writer);
                writer.insert().call(function);
            }
        }
        Operator::TableGrow { table } => {
            if let Some(function) = code.table_grow.get(*table as usize).copied().flatten() {
                instead(writer);
                writer.insert().call(function);
            }
        }
        _ => {}
    }
}
