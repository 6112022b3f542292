//! How many values meet where branches meet: what a compiler's memory grows with faster than a
//! body's size. Each variable that changed within a block is joined at its end (of a loop: at its
//! head) once for every branch to it, so 26 KB of code can ask a compiler for half a gigabyte.

use wasmparser::{BinaryReader, Result, TryTable};

/// A block, from its beginning to its end.
struct Frame {
    is_if: bool,
    /// Of `Merges` when it began.
    sets: u64,
    calls: u64,
    /// To its end, of a loop to its head.
    branches: u64,
    /// Of a `try_table`.
    handlers: u64,
}

/// A closed block that branches lead to.
struct Joint {
    sets: u64,
    edges: u64,
}

/// Counts for one body after the other.
#[derive(Default)]
pub struct Merges {
    frames: Vec<Frame>,
    joints: Vec<Joint>,
    /// By variable: the stretch without branches in which it was set last, 0 for none.
    set_in: Vec<u32>,
    /// By variable: whether it is read in another stretch than the one that set it, and set at all.
    flows: Vec<u8>,
    stretch: u32,
    sets: u64,
    calls: u64,
    handled: u64,
}

const READ: u8 = 1;
const SET: u8 = 2;

impl Merges {
    pub fn begin(&mut self) {
        self.frames.clear();
        self.joints.clear();
        self.set_in.clear();
        self.flows.clear();
        (self.stretch, self.sets, self.calls, self.handled) = (1, 0, 0, 0);
        self.open(false); // the function: what leaves it meets nobody
    }

    /// One operator, which is at the reader's place and valid so far.
    pub fn operator(&mut self, opcode: u8, reader: &BinaryReader) -> Result<()> {
        match opcode {
            0x02 | 0x03 => self.open(false), // block, loop
            0x04 => {
                self.stretch += 1;
                self.open(true);
            }
            0x05 => self.stretch += 1, // else
            0x0b => self.close(),
            0x0c | 0x0d => {
                let depth = operand(reader)?.read_var_u32()?;
                self.branch(depth);
            }
            0x0e => {
                let mut reader = operand(reader)?;
                // The targets, and the one of all other values.
                for _ in 0..=reader.read_var_u32()? {
                    let depth = reader.read_var_u32()?;
                    self.branch(depth);
                }
            }
            0x08 | 0x0a | 0x10 | 0x11 => self.calls += 1, // throw, throw_ref, call, call_indirect
            0x1f => self.try_table(reader)?,
            0x20 => self.read(operand(reader)?.read_var_u32()?),
            0x21 | 0x22 => self.set(operand(reader)?.read_var_u32()?),
            _ => {}
        }
        Ok(())
    }

    /// The sum over all blocks of the values that meet there.
    pub fn merges(&self) -> u64 {
        let flowing = self.flows.iter().filter(|flow| **flow == READ | SET).count() as u64;
        self.joints.iter().fold(0, |sum: u64, joint| {
            // The edge itself counts too.
            sum.saturating_add((joint.sets.min(flowing) + 1).saturating_mul(joint.edges))
        })
    }

    /// For each call within a `try_table` the handlers that it may end in.
    pub fn handlers(&self) -> u64 {
        self.handled
    }

    fn open(&mut self, is_if: bool) {
        let (sets, calls) = (self.sets, self.calls);
        self.frames.push(Frame { is_if, sets, calls, branches: 0, handlers: 0 });
        self.stretch += 1;
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        self.stretch += 1;
        let calls = self.calls - frame.calls;
        self.handled = self.handled.saturating_add(calls.saturating_mul(frame.handlers));
        let edges = frame.branches + 1 + u64::from(frame.is_if);
        if edges > 1 && !self.frames.is_empty() {
            self.joints.push(Joint { sets: self.sets - frame.sets, edges });
        }
    }

    fn branch(&mut self, depth: u32) {
        self.stretch += 1;
        let outermost = self.frames.len();
        if let Some(index) = outermost.checked_sub(depth as usize + 1) {
            self.frames[index].branches += 1;
        }
    }

    /// A call within may end in any of its handlers.
    fn try_table(&mut self, reader: &BinaryReader) -> Result<()> {
        let table: TryTable = operand(reader)?.read()?;
        self.open(false);
        if let Some(frame) = self.frames.last_mut() {
            frame.handlers = table.catches.len() as u64;
        }
        Ok(())
    }

    fn variable(&mut self, index: u32) -> usize {
        let index = index as usize;
        if index >= self.flows.len() {
            self.flows.resize(index + 1, 0);
            self.set_in.resize(index + 1, 0);
        }
        index
    }

    fn read(&mut self, index: u32) {
        let index = self.variable(index);
        if self.set_in[index] != self.stretch {
            self.flows[index] |= READ;
        }
    }

    fn set(&mut self, index: u32) {
        let index = self.variable(index);
        self.set_in[index] = self.stretch;
        self.flows[index] |= SET;
        self.sets += 1;
    }
}

/// What follows the opcode.
fn operand<'a>(reader: &BinaryReader<'a>) -> Result<BinaryReader<'a>> {
    let mut reader = reader.clone();
    reader.read_u8()?;
    Ok(reader)
}
