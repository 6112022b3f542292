//! The countdown: a function's entry takes from the budget what its longest way through costs,
//! and an allotment for its loops, which count that down in a local; when it is used up, they take
//! another. docs/internals/module.md has the reasons and the bound.

use crate::cost::{self, Length};
use crate::paths::Paths;
use crate::plan::{Code, Counter};
use crate::writer::{Placeholder, Writer};
use wasm_encoder::BlockType;
use wasmparser::Operator;

/// What a call costs by itself, and an iteration: what is inserted takes its time too.
const CALL: u32 = 8;
const ITERATION: u32 = 4;
/// A call that may be one of the host's.
const HOST_CALL: u32 = 32;
/// For the loops of a function that was just entered. Small, so that a call of a function with a
/// short loop does not use up the budget; large enough for most loops.
const FIRST_ALLOTMENT: u32 = 256;

/// Of the function that is being written.
pub struct Countdown<'p> {
    code: &'p Code,
    counter: &'p Counter,
    paths: Paths,
    /// The local with the allotment, where there are loops.
    local: u32,
    entry: [Option<Placeholder>; 2],
    /// Further checks, of the function and of each loop around this place.
    checks: Vec<Vec<Placeholder>>,
    heaviest: u32,
    has_loops: bool,
    /// The length on top of the stack, where it is a constant.
    short: Option<u32>,
}

impl<'p> Countdown<'p> {
    pub fn new(code: &'p Code, counter: &'p Counter) -> Countdown<'p> {
        Countdown {
            code,
            counter,
            paths: Paths::default(),
            local: 0,
            entry: [None, None],
            checks: Vec::new(),
            heaviest: 0,
            has_loops: false,
            short: None,
        }
    }

    /// The slow way jumps back to the check, so that a compiler puts it out of the fast one.
    pub fn begin(&mut self, writer: &mut Writer, local: u32, has_loops: bool) {
        let budget = self.counter.budget;
        self.paths.begin();
        self.checks.clear();
        self.checks.push(Vec::new());
        (self.local, self.has_loops, self.heaviest, self.short) = (local, has_loops, 0, None);
        writer.insert().loop_(BlockType::Empty).block(BlockType::Empty).global_get(budget);
        let taken = writer.constant();
        writer.insert().i64_sub().local_tee(local).global_set(budget).local_get(local);
        writer.insert().i64_const(0).i64_ge_s().br_if(0);
        let returned = writer.constant();
        writer.insert().call(self.counter.refill).br(1).end().end();
        self.entry = [Some(taken), Some(returned)];
        if has_loops {
            writer.insert().i64_const(FIRST_ALLOTMENT.into()).local_set(local);
        }
    }

    /// An operator that costs 1 and does nothing else.
    pub fn plain(&mut self, place: usize, writer: &mut Writer) {
        if self.paths.is_long() {
            self.check(place, writer);
        }
        self.paths.add(1);
        self.short = None;
    }

    pub fn before(&mut self, operator: &Operator, place: usize, writer: &mut Writer) {
        if self.paths.is_long() {
            self.check(place, writer);
        }
        self.paths.add(self.cost(operator));
        if let Some(length) = self.code.indices.length(operator) {
            match self.short {
                Some(units) => self.paths.add(units),
                None => {
                    writer.copy_to(place);
                    writer.insert().call(self.counter.spend(length));
                }
            }
        }
        self.short = cost::short(operator);
    }

    fn cost(&self, operator: &Operator) -> u32 {
        match operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index }
                if *function_index >= self.code.imported_functions =>
            {
                1
            }
            Operator::Call { .. }
            | Operator::ReturnCall { .. }
            | Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. } => HOST_CALL,
            _ => cost::of(operator),
        }
    }

    pub fn after(&mut self, operator: &Operator, place: usize, writer: &mut Writer) {
        let heaviest = self.paths.follow(operator);
        if let Operator::Loop { blockty } = operator {
            writer.copy_to(place);
            self.checks.push(Vec::new());
            self.check_loop(writer, self.code.has_params(*blockty));
        }
        if let Some(cost) = heaviest.map(|cost| cost + ITERATION) {
            self.set_checks(writer, cost);
            self.heaviest = self.heaviest.max(cost);
        }
    }

    /// In the middle of a way that has become long.
    fn check(&mut self, place: usize, writer: &mut Writer) {
        self.paths.restart();
        writer.copy_to(place);
        if self.checks.len() > 1 {
            self.check_loop(writer, true);
        } else {
            let cost = writer.constant();
            self.checks[0].push(cost);
            writer.insert().call(self.counter.take);
        }
    }

    /// Below zero, the allotment was used up by what went before. The slow way jumps back to a
    /// loop's head, so that a compiler puts it out of the fast one.
    fn check_loop(&mut self, writer: &mut Writer, goes_on: bool) {
        let local = self.local;
        writer.insert().local_get(local).i64_const(0).i64_lt_s().if_(BlockType::Empty);
        writer.insert().local_get(local).call(self.counter.settle).local_set(local);
        if !goes_on {
            writer.insert().br(1);
        }
        writer.insert().end().local_get(local);
        let cost = writer.constant();
        writer.insert().i64_sub().local_set(local);
        if let Some(checks) = self.checks.last_mut() {
            checks.push(cost);
        }
    }

    /// Of the innermost loop, or the function.
    fn set_checks(&mut self, writer: &mut Writer, cost: u32) {
        for check in self.checks.pop().iter().flatten() {
            writer.set(check, cost.into());
        }
    }

    /// A loop ends with at most one check's cost more than was allotted: that is taken here too.
    pub fn finish(&mut self, writer: &mut Writer) {
        let longest = self.paths.longest();
        let mut cost = u64::from(longest) + u64::from(CALL);
        if self.has_loops {
            cost += u64::from(FIRST_ALLOTMENT) + u64::from(self.heaviest);
        }
        for placeholder in self.entry.iter().flatten() {
            writer.set(placeholder, cost);
        }
        self.set_checks(writer, longest);
    }
}

impl Counter {
    pub fn spend(&self, length: Length) -> u32 {
        match length {
            Length::Bytes { is_64: false } => self.spend_bytes[0],
            Length::Bytes { is_64: true } => self.spend_bytes[1],
            Length::Elements { is_64: false } => self.spend_elements[0],
            Length::Elements { is_64: true } => self.spend_elements[1],
        }
    }
}
