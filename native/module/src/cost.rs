//! What operators cost: the fuel that Wasmtime 48 takes for them by default, and by that measure
//! the countdown's weights.

use wasmparser::Operator;

/// Lengths up to here are as cheap as a call; where one is a constant, nothing is checked for it.
const SHORT: u64 = 128;

pub fn of(operator: &Operator) -> u32 {
    match operator {
        Operator::Nop
        | Operator::Drop
        | Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Unreachable
        | Operator::Return
        | Operator::Else
        | Operator::End => 0,
        _ => 1,
    }
}

/// Whether an operator costs 1 and there is nothing else to it: most are variables, loads and
/// stores, and arithmetic.
pub fn is_plain(opcode: u8) -> bool {
    matches!(opcode, 0x20..=0x26 | 0x28..=0x3f | 0x43..=0xc4)
}

/// What the work of an operator depends on, with the type of the length on top of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Bytes { is_64: bool },
    Elements { is_64: bool },
}

/// Which memories and tables have 64-bit indices.
#[derive(Default)]
pub struct Indices {
    pub memory: bool,
    pub tables: Vec<bool>,
}

impl Indices {
    pub fn length(&self, operator: &Operator) -> Option<Length> {
        let table = |index: &u32| self.tables.get(*index as usize).copied().unwrap_or(false);
        match operator {
            Operator::MemoryFill { .. } | Operator::MemoryCopy { .. } => {
                Some(Length::Bytes { is_64: self.memory })
            }
            Operator::MemoryInit { .. } => Some(Length::Bytes { is_64: false }),
            Operator::TableFill { table: one } | Operator::TableGrow { table: one } => {
                Some(Length::Elements { is_64: table(one) })
            }
            Operator::TableCopy { dst_table, src_table } => {
                Some(Length::Elements { is_64: table(dst_table) && table(src_table) })
            }
            Operator::TableInit { .. } => Some(Length::Elements { is_64: false }),
            _ => None,
        }
    }
}

/// A constant that is a short length.
pub fn short(operator: &Operator) -> Option<u32> {
    let value = match operator {
        Operator::I32Const { value } => u64::from(*value as u32),
        Operator::I64Const { value } => *value as u64,
        _ => return None,
    };
    (value <= SHORT).then_some(value as u32)
}
