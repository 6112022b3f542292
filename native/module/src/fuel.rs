//! Fuel, by the model of Wasmtime: taken at the end of each stretch without branches and before
//! each call, checked at entries and loop heads and where something long begins.

use crate::cost;
use crate::paths::Paths;
use crate::plan::{Code, Counter};
use crate::writer::Writer;
use wasm_encoder::{BlockType, InstructionSink};
use wasmparser::Operator;

/// Of the function that is being written.
pub struct Fuel<'p> {
    code: &'p Code,
    counter: &'p Counter,
    /// What was not taken yet.
    pending: u64,
    short: Option<u32>,
    paths: Paths,
}

impl<'p> Fuel<'p> {
    pub fn new(code: &'p Code, counter: &'p Counter) -> Fuel<'p> {
        Fuel { code, counter, pending: 0, short: None, paths: Paths::default() }
    }

    pub fn begin(&mut self, writer: &mut Writer) {
        self.paths.begin();
        (self.pending, self.short) = (0, None);
        take(&mut writer.insert(), self.counter, 1);
        check(&mut writer.insert(), self.counter);
    }

    /// An operator that costs 1 and does nothing else.
    pub fn plain(&mut self, place: usize, writer: &mut Writer) {
        self.check_long(place, writer);
        self.paths.add(1);
        self.pending += 1;
        self.short = None;
    }

    fn check_long(&mut self, place: usize, writer: &mut Writer) {
        if self.paths.is_long() {
            self.paths.restart();
            self.settle(place, writer);
            writer.copy_to(place);
            check(&mut writer.insert(), self.counter);
        }
    }

    pub fn before(&mut self, operator: &Operator, place: usize, writer: &mut Writer) {
        self.check_long(place, writer);
        self.paths.add(cost::of(operator).max(1));
        self.pending += u64::from(cost::of(operator));
        if ends_stretch(operator) {
            self.settle(place, writer);
        }
        if let Some(length) = self.code.indices.length(operator) {
            match self.short {
                Some(units) => self.pending += u64::from(units),
                None => {
                    self.settle(place, writer);
                    writer.copy_to(place);
                    writer.insert().call(self.counter.spend(length));
                }
            }
        }
        self.short = cost::short(operator);
    }

    fn settle(&mut self, place: usize, writer: &mut Writer) {
        if self.pending > 0 {
            writer.copy_to(place);
            take(&mut writer.insert(), self.counter, self.pending);
            self.pending = 0;
        }
    }

    pub fn after(&mut self, operator: &Operator, place: usize, writer: &mut Writer) {
        self.paths.follow(operator);
        if let Operator::Loop { .. } = operator {
            writer.copy_to(place);
            check(&mut writer.insert(), self.counter);
        }
    }
}

fn ends_stretch(operator: &Operator) -> bool {
    matches!(
        operator,
        Operator::Unreachable
            | Operator::Return
            | Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::BrOnNull { .. }
            | Operator::BrOnNonNull { .. }
    )
}

pub fn take(sink: &mut InstructionSink, counter: &Counter, amount: u64) {
    sink.global_get(counter.budget).i64_const(amount as i64).i64_sub().global_set(counter.budget);
}

pub fn check(sink: &mut InstructionSink, counter: &Counter) {
    sink.global_get(counter.budget).i64_const(0).i64_le_s().if_(BlockType::Empty);
    sink.i64_const(0).call(counter.refill).end();
}
