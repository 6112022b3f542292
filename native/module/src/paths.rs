//! The longest way through a body from a check to the next one. Checks are at the function's entry,
//! at each loop's head, and where a way would become too long. What a countdown takes at a check
//! is at least the cost of the ways from there, so that whatever runs was taken before. See
//! docs/internals/module.md for the argument.

use wasmparser::{Catch, Operator};

/// Costs saturate far below where two of them could overflow.
const MOST: u32 = 1 << 29;
/// A way that costs so much needs a check: what frames further up the stack have taken and not
/// used runs without any once they are returned to. No operator has less than a byte, so a shorter
/// body has no such way.
pub const LONG: u32 = 1_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A block, a try_table, or the function.
    Block,
    If,
    Else,
    Loop,
}

struct Frame {
    kind: Kind,
    /// The region that the frame's end belongs to.
    region: usize,
    /// The longest way to the end, by a branch.
    end: Option<u32>,
    /// Of an `if`: the way to it.
    start: Option<u32>,
    /// The same three for the run without a check; and the longest run within.
    run: Runs,
    /// Of a try_table: the frames that its handlers are in, by their index.
    handlers: Vec<usize>,
}

/// A run goes on behind the end of a loop, where the way of the region around it is taken up again.
#[derive(Clone, Copy, Default)]
struct Runs {
    end: Option<u32>,
    start: Option<u32>,
    longest: u32,
}

/// The function without its loops, or a loop without those in it.
struct Region {
    /// The longest way from a check to here, or to where the loop within it began; None where
    /// nothing gets to.
    here: Option<u32>,
    longest: u32,
}

#[derive(Default)]
pub struct Paths {
    frames: Vec<Frame>,
    regions: Vec<Region>,
    /// What runs at most from the last check to here, in whatever region; None where nothing gets
    /// to. Ways bound what is taken, runs what a frame does without a check once it is returned to.
    run: Option<u32>,
}

impl Paths {
    pub fn begin(&mut self) {
        self.frames.clear();
        self.regions.clear();
        self.regions.push(Region { here: Some(0), longest: 0 });
        self.run = Some(0);
        self.open(Kind::Block);
    }

    fn here(&self) -> Option<u32> {
        self.regions.last().and_then(|region| region.here)
    }

    fn set_here(&mut self, way: Option<u32>) {
        if let Some(region) = self.regions.last_mut() {
            region.here = way;
            region.longest = region.longest.max(way.unwrap_or(0));
        }
    }

    /// An operator of that cost.
    pub fn add(&mut self, cost: u32) {
        let longer = |way: u32| way.saturating_add(cost).min(MOST);
        self.set_here(self.here().map(longer));
        self.set_run(self.run.map(longer));
    }

    fn set_run(&mut self, run: Option<u32>) {
        self.run = run;
        if let Some(frame) = self.frames.last_mut() {
            frame.run.longest = frame.run.longest.max(run.unwrap_or(0));
        }
    }

    /// Whether there has to be a check here; then restart() follows.
    pub fn is_long(&self) -> bool {
        self.here().max(self.run).is_some_and(|way| way >= LONG)
    }

    pub fn restart(&mut self) {
        self.set_here(Some(0));
        self.run = Some(0);
    }

    /// Follows an operator: after its cost was added. At the end of a loop, what its checks have
    /// to take.
    pub fn follow(&mut self, operator: &Operator) -> Option<u32> {
        match operator {
            Operator::Block { .. } => self.open(Kind::Block),
            Operator::Loop { .. } => self.open(Kind::Loop),
            Operator::If { .. } => self.open(Kind::If),
            Operator::TryTable { try_table } => {
                self.open_handled(try_table.catches.iter().map(depth_of));
            }
            Operator::Else => self.otherwise(),
            Operator::End => return self.close(),
            Operator::Br { relative_depth } => {
                self.branch(*relative_depth);
                self.stop();
            }
            Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => self.branch(*relative_depth),
            Operator::BrTable { targets } => {
                targets.targets().flatten().for_each(|depth| self.branch(depth));
                self.branch(targets.default());
                self.stop();
            }
            Operator::Return
            | Operator::Unreachable
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. } => self.stop(),
            _ => {}
        }
        None
    }

    /// Nothing gets beyond this.
    fn stop(&mut self) {
        self.set_here(None);
        self.run = None;
    }

    fn open(&mut self, kind: Kind) {
        let start = self.here();
        let region = self.regions.len() - 1;
        if kind == Kind::Loop {
            self.regions.push(Region { here: start.map(|_| 0), longest: 0 });
            self.run = self.run.map(|_| 0); // its head is a check
        }
        let run = Runs { start: self.run, ..Runs::default() };
        self.frames.push(Frame { kind, region, end: None, start, run, handlers: Vec::new() });
    }

    /// A try_table with handlers at these depths, which do not count the try_table itself.
    fn open_handled(&mut self, depths: impl Iterator<Item = u32>) {
        let outer = self.frames.len();
        let handlers = depths.filter_map(|depth| outer.checked_sub(depth as usize + 1)).collect();
        self.open(Kind::Block);
        if let Some(frame) = self.frames.last_mut() {
            frame.handlers = handlers;
        }
    }

    fn branch(&mut self, depth: u32) {
        if let Some(target) = self.frames.len().checked_sub(depth as usize + 1) {
            let (way, run) = (self.here(), self.run);
            self.reach(target, way, run);
        }
    }

    /// A way of this length out of the innermost region ends at a frame, and a run of that length.
    /// A loop's head takes again.
    fn reach(&mut self, target: usize, way: Option<u32>, run: Option<u32>) {
        let innermost = self.regions.len() - 1;
        let frame = &mut self.frames[target];
        if way.is_none() || frame.kind == Kind::Loop {
            return;
        }
        // Out of a loop: the region around it goes on where it was left.
        let way = if frame.region == innermost { way } else { self.regions[frame.region].here };
        frame.end = frame.end.max(way);
        frame.run.end = frame.run.end.max(run);
    }

    fn otherwise(&mut self) {
        let (here, run) = (self.here(), self.run);
        if let Some(frame) = self.frames.last_mut() {
            frame.end = frame.end.max(here);
            frame.run.end = frame.run.end.max(run);
            frame.kind = Kind::Else;
            let (way, run) = (frame.start, frame.run.start);
            self.set_here(way);
            self.run = run;
        }
    }

    /// The end of the innermost frame.
    fn close(&mut self) -> Option<u32> {
        let frame = self.frames.pop()?;
        if let Some(around) = self.frames.last_mut() {
            around.run.longest = around.run.longest.max(frame.run.longest);
        }
        if frame.kind == Kind::Loop {
            let region = self.regions.pop()?;
            if region.here.is_none() {
                self.stop();
            }
            return Some(region.longest);
        }
        // An exception may come from anywhere within.
        let anywhere = self.regions.last().map(|region| region.longest);
        for target in &frame.handlers {
            self.reach(*target, anywhere, Some(frame.run.longest));
        }
        let mut way = self.here().max(frame.end);
        let mut run = self.run.max(frame.run.end);
        if frame.kind == Kind::If {
            way = way.max(frame.start);
            run = run.max(frame.run.start);
        }
        self.set_here(way);
        self.set_run(run);
        None
    }

    /// What the checks of the function outside of its loops have to take, after its end.
    pub fn longest(&self) -> u32 {
        self.regions.first().map_or(0, |region| region.longest)
    }
}

fn depth_of(handler: &Catch) -> u32 {
    match handler {
        Catch::One { label, .. }
        | Catch::OneRef { label, .. }
        | Catch::All { label }
        | Catch::AllRef { label } => *label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Paths {
        let mut paths = Paths::default();
        paths.begin();
        paths
    }

    #[test]
    fn the_longer_arm_counts() {
        let mut paths = begun();
        paths.add(3);
        paths.open(Kind::If);
        paths.add(10);
        paths.otherwise();
        paths.add(20);
        assert_eq!(paths.close(), None);
        paths.add(1);
        assert_eq!(paths.longest(), 24);
        paths.open(Kind::If); // without an else
        paths.add(5);
        paths.stop();
        paths.close();
        paths.add(1);
        paths.close();
        assert_eq!(paths.longest(), 29);
    }

    #[test]
    fn cases_of_a_switch_do_not_add_up() {
        let mut paths = begun();
        for _ in 0..10 {
            paths.open(Kind::Block);
        }
        paths.add(2);
        (0..10).for_each(|depth| paths.branch(depth));
        paths.stop();
        for case in 0..10u32 {
            paths.close();
            paths.add(100);
            paths.branch(9 - case);
            paths.stop();
        }
        paths.close();
        assert_eq!(paths.longest(), 102);
    }

    #[test]
    fn a_loop_takes_for_itself_and_what_follows_goes_on() {
        let mut paths = begun();
        paths.open(Kind::Block);
        paths.add(5);
        paths.open(Kind::Loop);
        paths.add(7);
        paths.open(Kind::Loop);
        paths.add(100);
        paths.branch(2); // out of both
        paths.branch(0);
        assert_eq!(paths.close(), Some(100));
        paths.add(4);
        paths.branch(0);
        paths.stop();
        assert_eq!(paths.close(), Some(11));
        paths.add(1_000); // nothing gets here
        paths.close();
        paths.add(1);
        assert_eq!(paths.longest(), 6);
    }

    #[test]
    fn a_handler_may_follow_all_of_what_it_handles() {
        let mut paths = begun();
        paths.open(Kind::Block);
        paths.open_handled([0].into_iter());
        paths.add(50);
        paths.stop();
        paths.close();
        paths.close();
        paths.add(1);
        assert_eq!(paths.longest(), 51);
    }

    #[test]
    fn long_ways_need_checks() {
        let mut paths = begun();
        paths.add(LONG - 1);
        assert!(!paths.is_long());
        paths.open(Kind::If);
        paths.add(1);
        assert!(paths.is_long());
        paths.restart();
        paths.add(10);
        paths.close();
        assert!(!paths.is_long(), "the way around the arm");
        paths.add(1);
        assert!(paths.is_long());
        paths.stop();
        assert!(!paths.is_long());
        assert_eq!(paths.longest(), LONG);
    }

    #[test]
    fn runs_go_on_behind_loops() {
        let mut paths = begun();
        paths.open(Kind::Loop);
        paths.open(Kind::Loop);
        paths.add(LONG - 1);
        paths.close();
        assert!(!paths.is_long());
        paths.add(1);
        assert!(paths.is_long(), "what is left of two loops, one after the other");
        paths.restart();
        assert!(!paths.is_long());
        paths.add(LONG - 1);
        paths.branch(1); // out of the loop, to the end of the function
        paths.stop();
        paths.close();
        assert!(!paths.is_long(), "nothing gets here");
        paths.close();
    }

    #[test]
    fn a_handler_goes_on_with_what_ran_in_loops() {
        let mut paths = begun();
        paths.open(Kind::Block);
        paths.open_handled([0].into_iter());
        paths.open(Kind::Loop);
        paths.add(LONG - 1);
        paths.stop();
        paths.close();
        paths.close();
        paths.close();
        paths.add(1);
        assert!(paths.is_long());
    }

    #[test]
    fn costs_saturate() {
        let mut paths = begun();
        (0..100).for_each(|_| paths.add(u32::MAX));
        assert_eq!(paths.longest(), MOST);
    }
}
