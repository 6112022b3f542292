//! Branch depths of a body in which blocks are put around loops: what branches out of such a loop
//! has more labels to pass.

use crate::writer::Writer;
use wasmparser::{BrTable, Catch, Operator, TryTable};

#[derive(Default)]
pub struct Labels {
    /// By frame, the function's first: how many labels were added around it and those outside.
    added: Vec<u32>,
}

impl Labels {
    pub fn begin(&mut self) {
        self.added.clear();
        self.added.push(0);
    }

    /// How many labels there are now, those added too.
    pub fn depth(&self) -> usize {
        self.added.len() + self.here() as usize
    }

    fn here(&self) -> u32 {
        self.added.last().copied().unwrap_or(0)
    }

    /// A frame with so many labels put around it.
    pub fn open(&mut self, added: u32) {
        self.added.push(self.here() + added);
    }

    /// The innermost frame ends, and what was put around it.
    pub fn close(&mut self) {
        self.added.pop();
    }

    fn moved(&self, depth: u32) -> u32 {
        let target = self.added.len().checked_sub(depth as usize + 1);
        depth + target.map_or(0, |target| self.here() - self.added[target])
    }

    /// Writes what branches with its new depths. All that do, of the proposals that are on.
    pub fn rewrite(&self, operator: &Operator, place: usize, end: usize, out: &mut Writer) {
        if self.here() == 0 {
            return;
        }
        match operator {
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => {
                out.copy_to(place + 1);
                out.number(self.moved(*relative_depth));
            }
            Operator::BrTable { targets } => {
                out.copy_to(place + 1);
                self.table(targets, out);
            }
            Operator::TryTable { try_table } => {
                out.copy_to(after_block_type(out.source(), place + 1));
                self.handlers(try_table, out);
            }
            _ => return,
        }
        out.skip_to(end);
    }

    fn table(&self, targets: &BrTable, out: &mut Writer) {
        out.number(targets.len());
        for depth in targets.targets().flatten() {
            out.number(self.moved(depth));
        }
        out.number(self.moved(targets.default()));
    }

    /// Their depths do not count the try_table itself, which is not open yet.
    fn handlers(&self, try_table: &TryTable, out: &mut Writer) {
        out.number(try_table.catches.len() as u32);
        for handler in &try_table.catches {
            let (kind, tag, label) = match *handler {
                Catch::One { tag, label } => (0, Some(tag), label),
                Catch::OneRef { tag, label } => (1, Some(tag), label),
                Catch::All { label } => (2, None, label),
                Catch::AllRef { label } => (3, None, label),
            };
            out.raw(&[kind]);
            if let Some(tag) = tag {
                out.number(tag);
            }
            out.number(self.moved(label));
        }
    }
}

/// Where the block type ends that begins at a place, of an operator that was read before: one number,
/// but for references in their long form.
fn after_block_type(bytes: &[u8], place: usize) -> usize {
    let is_long = matches!(bytes[place], 0x63 | 0x64);
    let number = place + usize::from(is_long);
    let more = bytes[number..].iter().take_while(|byte| **byte & 0x80 != 0).count();
    number + more + 1
}
