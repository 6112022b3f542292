//! The functions that a counting module has to ask for its next budget, and to take from it what
//! is not worth doing in place.

use crate::plan::{Counter, Planner, BUDGET};
use wasm_encoder::{BlockType, Function, InstructionSink};
use wasmparser::ValType::{I32, I64};

/// What loops take at once; large enough that taking is rare, small enough that what the frames
/// of a deep stack have left does not keep the guest from asking for long.
const ALLOTMENT: i64 = 4_096;
/// Of memory operations: so many bytes (as a power of 2) are as long as an operator.
const BYTES_BITS: i64 = 3;
/// No length weighs more, so that a budget does not wrap.
const HEAVIEST: i64 = 1 << 60;
/// A `memory.grow` is a system call; where memory has to move, it is a copy of all of it.
const GROWTH: i64 = 256;
const PAGE_BITS: i64 = 16;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Countdown,
    Fuel,
}

pub fn add(planner: &mut Planner, style: Style) -> Counter {
    let tick = planner.plan.code.imported_functions;
    let budget = planner.global(BUDGET);
    let mut counter = Counter {
        style,
        budget,
        tick,
        refill: 0,
        take: 0,
        settle: 0,
        // Not a function: an engine refuses what would call one that there was no need for.
        spend_bytes: [u32::MAX; 2],
        spend_elements: [u32::MAX; 2],
    };
    counter.refill = planner.function(&[I64], &[], refill(&counter));
    if style == Style::Countdown {
        counter.take = planner.function(&[I64], &[], take(&counter));
        counter.settle = planner.function(&[I64], &[I64], settle(&counter));
    }
    let (bytes, elements) = lengths(planner);
    for (index, size) in [I32, I64].into_iter().enumerate() {
        let is_64 = size == I64;
        let bits = if style == Style::Countdown { BYTES_BITS } else { 0 };
        let is_shared = bits == 0;
        if bytes[index] || (is_shared && elements[index]) {
            let function = spend(&counter, is_64, bits);
            counter.spend_bytes[index] = planner.function(&[size], &[size], function);
        }
        counter.spend_elements[index] = counter.spend_bytes[index];
        if elements[index] && !is_shared {
            let function = spend(&counter, is_64, 0);
            counter.spend_elements[index] = planner.function(&[size], &[size], function);
        }
    }
    counter
}

/// Which lengths there can be, of 32 and of 64 bits: each instance pays for its functions, used or
/// not. `Indices::length()` is what asks for them.
fn lengths(planner: &Planner) -> ([bool; 2], [bool; 2]) {
    let indices = &planner.plan.code.indices;
    let has_memory = planner.scan.memories.first().is_some();
    let has_table = !indices.tables.is_empty();
    ([has_memory, has_memory && indices.memory], [has_table, indices.tables.contains(&true)])
}

/// Asks for a budget, and adds to it what is on the stack.
fn ask(sink: &mut InstructionSink, counter: &Counter) {
    sink.global_get(counter.budget).call(counter.tick).i64_add().global_set(counter.budget);
}

/// (amount): another budget and so much more, for who takes the amount again.
fn refill(counter: &Counter) -> Function {
    let mut function = Function::new([]);
    ask(function.instructions().local_get(0), counter);
    function.instructions().end();
    function
}

/// Takes what is on the stack, and asks where that was too much.
fn take_checked(sink: &mut InstructionSink, counter: &Counter, scratch: u32) {
    let budget = counter.budget;
    sink.local_set(scratch).global_get(budget).local_get(scratch).i64_sub().global_set(budget);
    sink.global_get(budget).i64_const(0);
    match counter.style {
        Style::Countdown => sink.i64_lt_s(),
        Style::Fuel => sink.i64_le_s(),
    };
    ask(sink.if_(BlockType::Empty).i64_const(0), counter);
    sink.end();
}

/// (amount)
fn take(counter: &Counter) -> Function {
    let mut function = Function::new([]);
    take_checked(function.instructions().local_get(0), counter, 0);
    function.instructions().end();
    function
}

/// (what is left of an allotment, below 0) -> another
fn settle(counter: &Counter) -> Function {
    let mut function = Function::new([]);
    let mut sink = function.instructions();
    sink.i64_const(ALLOTMENT).local_get(0).i64_sub();
    take_checked(&mut sink, counter, 0);
    sink.i64_const(ALLOTMENT).end();
    function
}

/// (length) -> length: takes what it weighs.
fn spend(counter: &Counter, is_64: bool, bits: i64) -> Function {
    let mut function = Function::new([(1, wasm_encoder::ValType::I64)]);
    let mut sink = function.instructions();
    sink.local_get(0);
    if !is_64 {
        sink.i64_extend_i32_u();
    }
    sink.i64_const(bits).i64_shr_u().local_tee(1).i64_const(HEAVIEST);
    sink.local_get(1).i64_const(HEAVIEST).i64_lt_u().select();
    take_checked(&mut sink, counter, 1);
    sink.local_get(0).end();
    function
}

/// What a `memory.grow` takes before it is done, in the function that stands for it. With fuel:
/// what Wasmtime takes for that function's entry.
pub fn before_growth(sink: &mut InstructionSink, counter: &Counter, is_64: bool, scratch: u32) {
    if counter.style == Style::Fuel {
        sink.i64_const(1);
    } else {
        sink.memory_size(0);
        if !is_64 {
            sink.i64_extend_i32_u();
        }
        sink.i64_const(PAGE_BITS - BYTES_BITS).i64_shl().i64_const(GROWTH).i64_add();
    }
    take_checked(sink, counter, scratch);
}
