//! The countdown: a function's entry takes from the budget what its longest way through costs,
//! and an allotment for its loops, which count that down in a local; when it is used up, they take
//! another. docs/internals/module.md has the reasons and the bound.

use crate::cost::{self, Length};
use crate::labels::Labels;
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
/// Labels put around a loop, and how many there may be before: engines that nest deeper than
/// programs do are not relied on.
const AROUND: u32 = 3;
const DEEPEST: usize = 200;

/// A loop, or the function.
#[derive(Default)]
struct Region {
    /// What takes its cost.
    checks: Vec<Placeholder>,
    /// Whether the slow way of the check at its head is outside of it.
    is_wrapped: bool,
}

/// Of the function that is being written.
pub struct Countdown<'p> {
    code: &'p Code,
    counter: &'p Counter,
    paths: Paths,
    labels: Labels,
    /// The local with the allotment, where there are loops.
    local: u32,
    entry: Option<Placeholder>,
    allotment: Option<Placeholder>,
    /// The function and each loop around this place.
    regions: Vec<Region>,
    heaviest: u32,
    /// The length on top of the stack, where it is a constant.
    short: Option<u32>,
    /// Where the operator is that before() was called for.
    place: usize,
}

impl<'p> Countdown<'p> {
    pub fn new(code: &'p Code, counter: &'p Counter) -> Countdown<'p> {
        Countdown {
            code,
            counter,
            paths: Paths::default(),
            labels: Labels::default(),
            local: 0,
            entry: None,
            allotment: None,
            regions: Vec::new(),
            heaviest: 0,
            short: None,
            place: 0,
        }
    }

    pub fn begin(&mut self, writer: &mut Writer, local: u32, has_loops: bool) {
        let budget = self.counter.budget;
        self.paths.begin();
        self.labels.begin();
        self.regions.clear();
        self.regions.push(Region::default());
        (self.local, self.heaviest, self.short) = (local, 0, None);
        writer.insert().global_get(budget);
        self.entry = Some(writer.constant());
        writer.insert().i64_sub().global_set(budget);
        writer.insert().global_get(budget).i64_const(0).i64_lt_s().if_(BlockType::Empty);
        writer.insert().i64_const(0).call(self.counter.refill).end();
        self.allotment = has_loops.then(|| {
            let allotment = writer.constant();
            writer.insert().local_set(local);
            allotment
        });
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
        self.place = place;
        if let Operator::Loop { blockty } = operator {
            self.open_loop(*blockty, writer);
        }
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

    /// `end` is where the operator ends.
    pub fn after(&mut self, operator: &Operator, end: usize, writer: &mut Writer) {
        self.labels.rewrite(operator, self.place, end, writer);
        let heaviest = self.paths.follow(operator);
        match operator {
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                self.labels.open(0);
            }
            Operator::Loop { .. } => {
                writer.copy_to(end);
                self.begin_loop(writer);
            }
            Operator::End => self.labels.close(),
            _ => {}
        }
        if let Some(cost) = heaviest.map(|cost| cost + ITERATION) {
            writer.copy_to(end);
            self.end_loop(cost, writer);
        }
    }

    /// Before a loop. Within it, anything but a branch that is hardly ever taken costs a tight one
    /// up to half of its speed; so the slow way goes behind it, and jumps back through a loop
    /// around both. What it would have to pass on there, parameters, forbids that.
    fn open_loop(&mut self, block: wasmparser::BlockType, writer: &mut Writer) {
        let may_be = !self.code.has_params(block) && self.labels.depth() <= DEEPEST;
        let like = may_be.then(|| BlockType::try_from(block).ok()).flatten();
        if let Some(like) = like {
            writer.copy_to(self.place);
            writer.insert().block(like).loop_(like).block(BlockType::Empty);
        }
        let is_wrapped = like.is_some();
        self.labels.open(if is_wrapped { AROUND } else { 0 });
        self.regions.push(Region { checks: Vec::new(), is_wrapped });
    }

    fn begin_loop(&mut self, writer: &mut Writer) {
        if self.regions.last().is_some_and(|region| region.is_wrapped) {
            self.take_from_local(writer);
            writer.insert().br_if(1);
        } else {
            self.check_loop(writer);
        }
    }

    /// What the loop's head has taken is given back, as it takes it again. (Not before the call:
    /// the compiler would keep the former value for it, which costs a register in the loop.)
    fn end_loop(&mut self, cost: u32, writer: &mut Writer) {
        let (local, settle) = (self.local, self.counter.settle);
        if self.set_checks(writer, cost) {
            writer.insert().br(2).end().local_get(local).call(settle);
            writer.insert().i64_const(cost.into()).i64_add().local_set(local).br(0).end().end();
        }
        self.heaviest = self.heaviest.max(cost);
    }

    /// In the middle of a way that has become long.
    fn check(&mut self, place: usize, writer: &mut Writer) {
        self.paths.restart();
        writer.copy_to(place);
        if self.regions.len() > 1 {
            self.check_loop(writer);
        } else {
            let cost = writer.constant();
            self.regions[0].checks.push(cost);
            writer.insert().call(self.counter.take);
        }
    }

    /// Leaves on the stack whether that was too much.
    fn take_from_local(&mut self, writer: &mut Writer) {
        let local = self.local;
        writer.insert().local_get(local);
        let cost = writer.constant();
        writer.insert().i64_sub().local_tee(local).i64_const(0).i64_lt_s();
        if let Some(region) = self.regions.last_mut() {
            region.checks.push(cost);
        }
    }

    fn check_loop(&mut self, writer: &mut Writer) {
        let local = self.local;
        self.take_from_local(writer);
        writer.insert().if_(BlockType::Empty).local_get(local).call(self.counter.settle);
        writer.insert().local_set(local).end();
    }

    /// Of the innermost loop, or the function. Returns whether it is wrapped.
    fn set_checks(&mut self, writer: &mut Writer, cost: u32) -> bool {
        let Some(region) = self.regions.pop() else { return false };
        for check in &region.checks {
            writer.set(check, cost.into());
        }
        region.is_wrapped
    }

    /// The heaviest iteration is allotted too, as most loops with so many operators do not repeat
    /// often.
    pub fn finish(&mut self, writer: &mut Writer) {
        let longest = self.paths.longest();
        let mut cost = u64::from(longest) + u64::from(CALL);
        if let Some(placeholder) = &self.allotment {
            let allotment = u64::from(FIRST_ALLOTMENT) + u64::from(self.heaviest);
            writer.set(placeholder, allotment);
            cost += allotment;
        }
        if let Some(placeholder) = &self.entry {
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
