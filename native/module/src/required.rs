//! Which proposals a module uses, of those that not every engine has. Found by the passes that
//! read types and operators anyway; nothing is taken for used that is not there.

use wasmparser::{AbstractHeapType, BinaryReader, FuncType, HeapType, RefType, Result, ValType};

/// `WSB_ENGINE_*` of runtime.h.
pub const SIMD: u64 = 1 << 8;
pub const RELAXED_SIMD: u64 = 1 << 11;
pub const TAIL_CALLS: u64 = 1 << 12;
pub const EXCEPTIONS: u64 = 1 << 13;
pub const MEMORY64: u64 = 1 << 14;

/// Sub-opcodes of vectors from here on are relaxed.
const FIRST_RELAXED: u32 = 0x100;

pub fn of_type(one: ValType) -> u64 {
    match one {
        ValType::V128 => SIMD,
        ValType::Ref(reference) => of_reference(reference),
        _ => 0,
    }
}

pub fn of_reference(one: RefType) -> u64 {
    of_heap(one.heap_type())
}

fn of_heap(one: HeapType) -> u64 {
    match one {
        HeapType::Abstract { ty: AbstractHeapType::Exn | AbstractHeapType::NoExn, .. } => {
            EXCEPTIONS
        }
        _ => 0,
    }
}

pub fn of_function(one: &FuncType) -> u64 {
    one.params().iter().chain(one.results()).fold(0, |all, one| all | of_type(*one))
}

/// Of one operator, which is at the reader's place and valid.
pub fn of_operator(opcode: u8, reader: &BinaryReader) -> Result<u64> {
    match opcode {
        0x12 | 0x13 => Ok(TAIL_CALLS), // return_call, return_call_indirect
        0x08 | 0x0a => Ok(EXCEPTIONS), // throw, throw_ref
        0x1f => Ok(EXCEPTIONS | of_block(&mut after_opcode(reader)?)?), // try_table
        0x02..=0x04 => of_block(&mut after_opcode(reader)?), // block, loop, if
        0x1c => of_select(&mut after_opcode(reader)?),
        0xd0 => Ok(of_heap(after_opcode(reader)?.read()?)), // ref.null
        0xfd => {
            let relaxed = after_opcode(reader)?.read_var_u32()? >= FIRST_RELAXED;
            Ok(if relaxed { SIMD | RELAXED_SIMD } else { SIMD })
        }
        _ => Ok(0),
    }
}

fn after_opcode<'a>(reader: &BinaryReader<'a>) -> Result<BinaryReader<'a>> {
    let mut reader = reader.clone();
    reader.read_u8()?;
    Ok(reader)
}

/// A block's type, where it is given in place; one of the type section was looked at there.
fn of_block(reader: &mut BinaryReader) -> Result<u64> {
    const EMPTY: i64 = -64;
    let number = reader.clone().read_var_s33()?;
    if number == EMPTY || number >= 0 {
        return Ok(0);
    }
    Ok(of_type(reader.read()?))
}

fn of_select(reader: &mut BinaryReader) -> Result<u64> {
    let mut used = 0;
    for _ in 0..reader.read_var_u32()? {
        used |= of_type(reader.read()?);
    }
    Ok(used)
}
