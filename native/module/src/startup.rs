//! What a compiler has to make code of, so that an instance gets its globals, tables and memory.
//! Wasmtime makes one function of all that it can not lay out in advance, at kilobytes and tens of
//! microseconds for an item; one segment whose place is no plain number is enough for it to lay
//! out none. A megabyte of segments took 40 seconds and 2 GB, within every other bound.

use crate::bounds::{check, Bounds};
use crate::scan::Stop;
use wasmparser::{ConstExpr, Data, DataKind, Element, ElementItems, ElementKind, Operator};
use wasmparser::{MemoryType, TableType};

/// As so many entries of element segments counts a segment or an item that is not laid out.
const SEGMENT: u64 = 400;
const ITEM: u64 = 100;
/// Of one constant expression, whatever the bounds: Wasmi recurses for each operator.
const MOST_OPERATORS: u64 = 1_000;
/// Wasmtime lays out no larger tables, and no larger memories where data is less than half.
const LARGE_TABLE: u64 = 1 << 20;
const LARGE_MEMORY: u64 = 16 << 20;

/// A constant expression.
struct Expression {
    operators: u64,
    /// Of one that is just a number of 32 or 64 bits.
    number: Option<u64>,
    /// It calls for no code: a number, or null.
    is_plain: bool,
}

fn read(expression: &ConstExpr, bounds: &Bounds) -> Result<Expression, Stop> {
    let mut found = Expression { operators: 0, number: None, is_plain: true };
    let mut reader = expression.get_operators_reader();
    loop {
        let operator = reader.read()?;
        if matches!(operator, Operator::End) {
            break;
        }
        found.operators += 1;
        let what = "operators of a constant expression";
        check("max_nesting", what, found.operators, bounds.max_nesting.min(MOST_OPERATORS))?;
        (found.number, found.is_plain) = match operator {
            Operator::I32Const { value } => (Some(u64::from(value as u32)), found.is_plain),
            Operator::I64Const { value } => (Some(value as u64), found.is_plain),
            Operator::F32Const { .. }
            | Operator::F64Const { .. }
            | Operator::V128Const { .. }
            | Operator::RefNull { .. } => (None, found.is_plain),
            _ => (None, false),
        };
    }
    if found.operators != 1 {
        (found.number, found.is_plain) = (None, false);
    }
    Ok(found)
}

/// Data segments: whether they can be laid out is known after the last.
#[derive(Default)]
struct Memory {
    segments: u64,
    operators: u64,
    /// Bytes, and between which addresses.
    size: u64,
    range: Option<(u64, u64)>,
    is_irregular: bool,
}

#[derive(Default)]
pub struct Startup {
    /// Entries of element segments, and what counts as such.
    elements: u64,
    tables_are_irregular: bool,
    memory: Memory,
}

impl Startup {
    fn add(&mut self, elements: u64, bounds: &Bounds) -> Result<(), Stop> {
        self.elements = self.elements.saturating_add(elements);
        Ok(check("max_elements", "elements", self.elements, bounds.max_elements)?)
    }

    pub fn global(&mut self, init: &ConstExpr, bounds: &Bounds) -> Result<(), Stop> {
        let init = read(init, bounds)?;
        let cost = if init.is_plain { 0 } else { ITEM * init.operators };
        self.add(cost, bounds)
    }

    pub fn element(
        &mut self,
        segment: &Element,
        tables: &[TableType],
        imported: usize,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        let count = match &segment.items {
            ElementItems::Functions(items) => u64::from(items.count()),
            ElementItems::Expressions(_, items) => u64::from(items.count()),
        };
        self.add(count, bounds)?;
        let mut operators = 0;
        let is_laid_out = match &segment.kind {
            ElementKind::Declared => true,
            ElementKind::Passive => false,
            ElementKind::Active { table_index, offset_expr } => {
                let offset = read(offset_expr, bounds)?;
                operators = offset.operators;
                let table = table_index.unwrap_or(0) as usize;
                let room = match tables.get(table) {
                    Some(one) if table >= imported => one.initial.min(LARGE_TABLE),
                    _ => 0,
                };
                let end = offset.number.and_then(|start| start.checked_add(count));
                let is_list = matches!(segment.items, ElementItems::Functions(_));
                // After one that is not laid out, none is.
                self.tables_are_irregular |= !is_list || !end.is_some_and(|end| end <= room);
                !self.tables_are_irregular
            }
        };
        operators += self.item_operators(&segment.items, bounds)?;
        let cost = if is_laid_out { 0 } else { SEGMENT + ITEM * operators };
        self.add(cost, bounds)
    }

    fn item_operators(&self, items: &ElementItems, bounds: &Bounds) -> Result<u64, Stop> {
        match items {
            ElementItems::Functions(items) => Ok(u64::from(items.count())),
            ElementItems::Expressions(_, items) => {
                let mut operators = 0;
                for item in items.clone() {
                    operators += read(&item?, bounds)?.operators;
                }
                Ok(operators)
            }
        }
    }

    pub fn data(
        &mut self,
        segment: &Data,
        memories: &[MemoryType],
        imported: usize,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        let DataKind::Active { memory_index, offset_expr } = &segment.kind else {
            return Ok(());
        };
        let offset = read(offset_expr, bounds)?;
        let memory = &mut self.memory;
        memory.segments += 1;
        memory.operators += offset.operators;
        let size = segment.data.len() as u64;
        let room = match memories.get(*memory_index as usize) {
            Some(one) if *memory_index as usize >= imported => one.initial.saturating_mul(1 << 16),
            _ => 0,
        };
        match offset.number.and_then(|start| Some((start, start.checked_add(size)?))) {
            Some((start, end)) if end <= room => {
                memory.size += size;
                if size > 0 {
                    let (first, last) = memory.range.unwrap_or((start, end));
                    memory.range = Some((first.min(start), last.max(end)));
                }
            }
            _ => memory.is_irregular = true,
        }
        Ok(())
    }

    /// After the last data segment.
    pub fn finish(&mut self, bounds: &Bounds) -> Result<(), Stop> {
        let memory = &self.memory;
        let extent = memory.range.map_or(0, |(first, last)| last - first);
        let is_sparse = extent >= LARGE_MEMORY && extent >= memory.size.saturating_mul(2);
        if memory.is_irregular || is_sparse {
            self.add(SEGMENT * memory.segments + ITEM * memory.operators, bounds)?;
        }
        Ok(())
    }
}
