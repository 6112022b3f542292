//! The transform: writes the module again, copying as it is whatever needs no change. Added
//! types, functions, globals and exports go to the ends of their index spaces, so that nothing
//! that refers to another has to be renumbered.

use crate::bodies::Facts;
use crate::bounds::{check, Options};
use crate::conventions;
use crate::failure::Failure;
use crate::names;
use crate::scan::{Scan, Section};
use std::ops::Range;
use wasm_encoder::{
    BlockType, ConstExpr, Encode, ExportKind, Function, GlobalSection, GlobalType, Instruction,
    TypeSection,
};
use wasmparser::ValType;

pub const MEMORY: &str = "wsb:memory";
pub const START: &str = "wsb:start";
pub const GROW_REFUSED: &str = "wsb:grow_refused";

/// What validators of all engines allow of each kind; only lifted bounds get here.
const MOST: u64 = 1_000_000;
const LARGEST_FUNCTION: u64 = 7_654_321;
/// Of `memory.grow`: the opcode and the index of the only memory.
const GROW_BYTES: usize = 2;

const CUSTOM: u8 = 0;
const TYPE: u8 = 1;
const FUNCTION: u8 = 3;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const START_SECTION: u8 = 8;
const CODE: u8 = 10;

/// The function that stands for `memory.grow`, and what it needs.
struct Helper {
    type_index: u32,
    adds_type: bool,
    function: u32,
    global: u32,
    is_64: bool,
}

struct Emitter<'s, 'a> {
    scan: &'s Scan<'a>,
    facts: &'s Facts,
    helper: Option<Helper>,
    exports: Vec<(&'static str, ExportKind, u32)>,
    /// Sections to add because the module has none of them, in their order.
    missing: Vec<u8>,
    out: Vec<u8>,
}

pub fn emit(scan: &Scan, facts: &Facts, options: &Options) -> Result<Vec<u8>, Failure> {
    if options.add != 0 {
        return Err(Failure::internal("the options add what is not known here"));
    }
    let helper = if facts.grows.is_empty() { None } else { Some(Helper::plan(scan)?) };
    let mut exports = Vec::new();
    if !scan.memories.is_empty() {
        exports.push((MEMORY, ExportKind::Memory, 0));
    }
    exports.extend(scan.start.map(|function| (START, ExportKind::Func, function)));
    exports.extend(helper.as_ref().map(|one| (GROW_REFUSED, ExportKind::Global, one.global)));
    has_room("max_exports", "exports", scan.exports.len(), exports.len())?;
    let mut out = Vec::new();
    out.try_reserve_exact(room_for(scan, facts))
        .map_err(|_| Failure::internal("out of memory for the transformed module"))?;
    let lacks = |id| !scan.sections.iter().any(|section| section.id == id);
    let wanted = [(GLOBAL, helper.is_some()), (EXPORT, !exports.is_empty())];
    let missing = wanted.into_iter().filter(|(id, wanted)| *wanted && lacks(*id));
    let missing = missing.map(|(id, _)| id).collect();
    let mut emitter = Emitter { scan, facts, helper, exports, missing, out };
    emitter.module()?;
    Ok(emitter.out)
}

/// An upper bound, so that the output is allocated once.
fn room_for(scan: &Scan, facts: &Facts) -> usize {
    const ADDED: usize = 1024;
    let calls: usize = facts.grows.iter().map(|one| one.at.len() * 4 + 5).sum();
    let kept: usize = scan.sections.iter().filter(|one| is_kept(one, facts)).map(size_of).sum();
    kept + calls + ADDED
}

fn size_of(section: &Section) -> usize {
    section.content.len() + 6
}

/// No engine reads them, or they would be wrong afterwards; some are larger than the code.
fn is_kept(section: &Section, facts: &Facts) -> bool {
    const DROPPED: &[&str] = &[
        conventions::SECTION,
        "sourceMappingURL",
        "external_debug_info",
        "producers",
        "target_features",
        "linking",
    ];
    let name = section.name;
    // Branch hints are by code offset, and offsets move where memory.grow became a call.
    let moved = name == "metadata.code.branch_hint" && !facts.grows.is_empty();
    let dropped = DROPPED.contains(&name)
        || name.starts_with(".debug_")
        || name.starts_with("reloc.")
        || moved
        || (name == "name" && !names::are_short(section.data));
    section.id != CUSTOM || !dropped
}

fn has_room(field: &str, what: &str, count: usize, added: usize) -> Result<(), Failure> {
    check(field, what, (count + added) as u64, MOST)
}

impl Helper {
    fn plan(scan: &Scan) -> Result<Helper, Failure> {
        let is_64 = scan.memories.first().is_some_and(|memory| memory.memory64);
        let size = [if is_64 { ValType::I64 } else { ValType::I32 }];
        let existing = scan.types.iter().position(|one| {
            one.as_ref().is_some_and(|one| one.params() == size && one.results() == size)
        });
        if existing.is_none() {
            has_room("max_types", "types", scan.types.len(), 1)?;
        }
        has_room("max_functions", "functions", scan.functions.len(), 1)?;
        has_room("max_globals", "globals", scan.globals.len(), 1)?;
        Ok(Helper {
            type_index: existing.unwrap_or(scan.types.len()) as u32,
            adds_type: existing.is_none(),
            function: scan.functions.len() as u32,
            global: scan.globals.len() as u32,
            is_64,
        })
    }

    /// `memory.grow`, and one more in the global where it was refused.
    fn body(&self) -> Vec<u8> {
        let mut function = Function::new([]);
        function.instruction(&Instruction::LocalGet(0));
        function.instruction(&Instruction::MemoryGrow(0));
        function.instruction(&Instruction::LocalTee(0));
        if self.is_64 {
            function.instruction(&Instruction::I64Const(-1));
            function.instruction(&Instruction::I64Eq);
        } else {
            function.instruction(&Instruction::I32Const(-1));
            function.instruction(&Instruction::I32Eq);
        }
        function.instruction(&Instruction::If(BlockType::Empty));
        function.instruction(&Instruction::GlobalGet(self.global));
        function.instruction(&Instruction::I64Const(1));
        function.instruction(&Instruction::I64Add);
        function.instruction(&Instruction::GlobalSet(self.global));
        function.instruction(&Instruction::End);
        function.instruction(&Instruction::LocalGet(0));
        function.instruction(&Instruction::End);
        let mut body = Vec::new();
        function.encode(&mut body);
        body
    }

    /// What replaces a `memory.grow`.
    fn call(&self) -> Vec<u8> {
        let mut call = Vec::new();
        Instruction::Call(self.function).encode(&mut call);
        call
    }

    fn type_entry(&self) -> Vec<u8> {
        use wasm_encoder::ValType::{I32, I64};
        let size = if self.is_64 { I64 } else { I32 };
        let mut section = TypeSection::new();
        section.ty().function([size], [size]);
        entries(&section)
    }

    fn global_entry(&self) -> Vec<u8> {
        let val_type = wasm_encoder::ValType::I64;
        let mut section = GlobalSection::new();
        section.global(
            GlobalType { val_type, mutable: true, shared: false },
            &ConstExpr::i64_const(0),
        );
        entries(&section)
    }
}

/// The entries of a section of less than 128 bytes, without its size and its count.
fn entries(section: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    section.encode(&mut bytes);
    bytes.split_off(2)
}

/// The order in which sections come.
fn rank(id: u8) -> u8 {
    const ORDER: [u8; 13] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
    ORDER.iter().position(|one| *one == id).unwrap_or(ORDER.len()) as u8
}

impl<'s, 'a> Emitter<'s, 'a> {
    fn module(&mut self) -> Result<(), Failure> {
        let scan = self.scan;
        self.out.extend_from_slice(&scan.bytes[..8]);
        for section in &scan.sections {
            if section.id != CUSTOM {
                self.missing_before(rank(section.id))?;
            }
            self.section(section)?;
        }
        self.missing_before(u8::MAX)
    }

    fn missing_before(&mut self, next: u8) -> Result<(), Failure> {
        while let Some(id) = self.missing.first().copied().filter(|id| rank(*id) < next) {
            self.missing.remove(0);
            let (count, entries) = self.added(id);
            self.write(id, count, &[&entries])?;
        }
        Ok(())
    }

    /// The entries added to a section.
    fn added(&self, id: u8) -> (u32, Vec<u8>) {
        if id == EXPORT {
            return (self.exports.len() as u32, self.export_entries());
        }
        let Some(helper) = &self.helper else {
            return (0, Vec::new());
        };
        let mut function = Vec::new();
        helper.type_index.encode(&mut function);
        match id {
            TYPE if helper.adds_type => (1, helper.type_entry()),
            FUNCTION => (1, function),
            GLOBAL => (1, helper.global_entry()),
            _ => (0, Vec::new()),
        }
    }

    fn export_entries(&self) -> Vec<u8> {
        let mut entries = Vec::new();
        for (name, kind, index) in &self.exports {
            name.encode(&mut entries);
            kind.encode(&mut entries);
            index.encode(&mut entries);
        }
        entries
    }

    fn section(&mut self, section: &Section) -> Result<(), Failure> {
        let content = section.content.clone();
        match section.id {
            START_SECTION => Ok(()),
            CUSTOM if !is_kept(section, self.facts) => Ok(()),
            CODE if self.helper.is_some() => self.code(content),
            id => match self.added(id) {
                (0, _) => self.copy(id, content),
                (count, entries) => self.append(id, content, count, &entries),
            },
        }
    }

    fn copy(&mut self, id: u8, content: Range<usize>) -> Result<(), Failure> {
        self.head(id, content.len())?;
        self.out.extend_from_slice(&self.scan.bytes[content]);
        Ok(())
    }

    fn head(&mut self, id: u8, size: usize) -> Result<(), Failure> {
        self.out.push(id);
        section_size(size)?.encode(&mut self.out);
        Ok(())
    }

    /// Writes a section from its count and the pieces of its entries.
    fn write(&mut self, id: u8, count: u32, pieces: &[&[u8]]) -> Result<(), Failure> {
        let mut number = Vec::new();
        count.encode(&mut number);
        let size = number.len() + pieces.iter().map(|piece| piece.len()).sum::<usize>();
        self.head(id, size)?;
        self.out.extend_from_slice(&number);
        for piece in pieces {
            self.out.extend_from_slice(piece);
        }
        Ok(())
    }

    fn append(
        &mut self,
        id: u8,
        content: Range<usize>,
        count: u32,
        entries: &[u8],
    ) -> Result<(), Failure> {
        let (own, rest) = self.split_count(content)?;
        self.write(id, own + count, &[&self.scan.bytes[rest], entries])
    }

    /// The count at the start of a section, and where its entries are.
    fn split_count(&self, content: Range<usize>) -> Result<(u32, Range<usize>), Failure> {
        let mut reader = self.scan.reader(content.clone());
        let count = reader.read_var_u32().map_err(|error| Failure::malformed(&error))?;
        Ok((count, reader.original_position() as usize..content.end))
    }

    /// The bodies with every `memory.grow` a call, and the helper at their end. Runs of bodies
    /// without one are copied in one piece.
    fn code(&mut self, content: Range<usize>) -> Result<(), Failure> {
        let Some(helper) = &self.helper else {
            return Err(Failure::internal("a module without memory.grow needs no helper"));
        };
        let (call, added) = (helper.call(), helper.body());
        let (count, entries) = self.split_count(content.clone())?;
        let mut number = Vec::new();
        (count + 1).encode(&mut number);
        let size = self.code_size(&number, &entries, call.len(), added.len())?;
        self.head(CODE, size)?;
        let end = self.out.len() + size;
        self.out.extend_from_slice(&number);
        let (scan, facts) = (self.scan, self.facts);
        let mut copied = entries.start;
        for grows in &facts.grows {
            let body = &scan.bodies[grows.body];
            self.out.extend_from_slice(&scan.bytes[copied..body.size_at]);
            let size = patched_size(body.range.len(), grows.at.len(), call.len());
            let most = LARGEST_FUNCTION;
            check("max_function_size", "bytes of a transformed function", size as u64, most)?;
            (size as u32).encode(&mut self.out);
            copied = body.range.start;
            for at in &grows.at {
                self.out.extend_from_slice(&scan.bytes[copied..*at]);
                self.out.extend_from_slice(&call);
                copied = at + GROW_BYTES;
            }
        }
        self.out.extend_from_slice(&scan.bytes[copied..entries.end]);
        self.out.extend_from_slice(&added);
        if self.out.len() != end {
            return Err(Failure::internal("the transformed code section has another size"));
        }
        Ok(())
    }

    fn code_size(
        &self,
        number: &[u8],
        entries: &Range<usize>,
        call: usize,
        added: usize,
    ) -> Result<usize, Failure> {
        let mut size = number.len() + entries.len() + added;
        for grows in &self.facts.grows {
            let body = &self.scan.bodies[grows.body];
            let patched = patched_size(body.range.len(), grows.at.len(), call);
            size += patched + leb_len(section_size(patched)?);
            size -= body.range.end - body.size_at;
        }
        section_size(size)?;
        Ok(size)
    }
}

fn patched_size(size: usize, grows: usize, call: usize) -> usize {
    size - grows * GROW_BYTES + grows * call
}

fn leb_len(value: u32) -> usize {
    let mut bytes = Vec::new();
    value.encode(&mut bytes);
    bytes.len()
}

fn section_size(size: usize) -> Result<u32, Failure> {
    u32::try_from(size).map_err(|_| {
        let what = "bytes of a transformed section";
        Failure::bound("max_module_size", what, size as u64, u64::from(u32::MAX))
    })
}
