//! The functions that stand for `memory.grow` and `table.grow`: they count what is refused, and
//! refuse what a limit does not allow.

use crate::fuel;
use crate::meters::{self, Style};
use crate::plan::Counter;
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

/// What Wasmtime takes for the operators of this function as its modules have it, without limit:
/// after the entry those to the end, and those of a refusal.
const GROWTH_FUEL: u64 = 7;
const REFUSAL_FUEL: u64 = 4;

fn size(is_64: bool) -> BlockType {
    BlockType::Result(if is_64 { ValType::I64 } else { ValType::I32 })
}

/// The result of a growth that was refused.
fn refusal(sink: &mut InstructionSink, is_64: bool) {
    if is_64 {
        sink.i64_const(-1);
    } else {
        sink.i32_const(-1);
    }
}

fn widen(sink: &mut InstructionSink, is_64: bool) {
    if !is_64 {
        sink.i64_extend_i32_u();
    }
}

/// (pages) -> pages before, or -1.
pub fn memory_grow(
    is_64: bool,
    refused: u32,
    limit: Option<u32>,
    counter: Option<&Counter>,
) -> Function {
    let mut function = Function::new([(1, ValType::I64)]);
    let mut sink = function.instructions();
    if let Some(counter) = counter {
        meters::before_growth(&mut sink, counter, is_64, 1);
    }
    if let Some(limit) = limit {
        memory_is_over(&mut sink, is_64, limit);
        sink.if_(size(is_64));
        refusal(&mut sink, is_64);
        sink.else_().local_get(0).memory_grow(0).end();
    } else {
        sink.local_get(0).memory_grow(0);
    }
    sink.local_tee(0);
    refusal(&mut sink, is_64);
    if is_64 {
        sink.i64_eq();
    } else {
        sink.i32_eq();
    }
    let fueled = counter.filter(|counter| counter.style == Style::Fuel);
    if let Some(counter) = fueled {
        fuel::take(&mut sink, counter, GROWTH_FUEL);
    }
    sink.if_(BlockType::Empty);
    sink.global_get(refused).i64_const(1).i64_add().global_set(refused);
    if let Some(counter) = fueled {
        fuel::take(&mut sink, counter, REFUSAL_FUEL);
    }
    sink.end().local_get(0).end();
    function
}

/// Whether so many more pages (local 0) are more than the limit: it is below the size, or what
/// is left of it below that number. No sum that could wrap.
fn memory_is_over(sink: &mut InstructionSink, is_64: bool, limit: u32) {
    sink.memory_size(0);
    widen(sink, is_64);
    sink.local_tee(1).global_get(limit).i64_gt_u();
    sink.local_get(0);
    widen(sink, is_64);
    sink.global_get(limit).local_get(1).i64_sub().i64_gt_u().i32_or();
}

/// () -> how many elements the limit leaves to all tables together.
pub fn table_room(limit: u32, tables: &[bool]) -> Function {
    let mut function = Function::new([(2, ValType::I64)]);
    let mut sink = function.instructions();
    sink.global_get(limit).local_set(0);
    for (table, is_64) in tables.iter().enumerate() {
        sink.table_size(table as u32);
        widen(&mut sink, *is_64);
        sink.local_tee(1).local_get(0).i64_gt_u();
        sink.if_(BlockType::Empty).i64_const(0).return_().end();
        sink.local_get(0).local_get(1).i64_sub().local_set(0);
    }
    sink.local_get(0).end();
    function
}

/// (element, number) -> size before, or -1.
pub fn table_grow(table: u32, is_64: bool, room: u32) -> Function {
    let mut function = Function::new([]);
    let mut sink = function.instructions();
    sink.local_get(1);
    widen(&mut sink, is_64);
    sink.call(room).i64_gt_u().if_(size(is_64));
    refusal(&mut sink, is_64);
    sink.else_().local_get(0).local_get(1).table_grow(table).end().end();
    function
}
