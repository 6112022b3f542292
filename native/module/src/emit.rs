//! Writes the module again by a plan, copying as it is whatever needs no change.

use crate::bodies::Facts;
use crate::bounds::Options;
use crate::code::{self, Piece, Rewritten};
use crate::conventions;
use crate::failure::Failure;
use crate::hints::{self, AllHints};
use crate::names;
use crate::paths::LONG;
use crate::plan::Plan;
use crate::reindex::{self, Moved};
use crate::scan::{Scan, Section};
use std::borrow::Cow;
use wasm_encoder::{
    ConstExpr, CustomSection, Encode, EntityType, ExportKind, FuncType, GlobalSection, GlobalType,
    ImportSection, TypeSection,
};
use wasmparser::BinaryReader;

const CUSTOM: u8 = 0;
const TYPE: u8 = 1;
const IMPORT: u8 = 2;
const FUNCTION: u8 = 3;
const TABLE: u8 = 4;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const START_SECTION: u8 = 8;
const ELEMENT: u8 = 9;
const CODE: u8 = 10;

/// What a body may grow to by counting, as a multiple of the largest module.
const MOST_GROWTH: u64 = 4;

struct Emitter<'s, 'a> {
    scan: &'s Scan<'a>,
    plan: &'s Plan,
    /// Where bodies change.
    code: Option<Rewritten>,
    hints: Option<AllHints>,
    /// Sections to add because the module has none of them, in their order.
    missing: Vec<u8>,
    out: Vec<u8>,
}

pub fn emit(
    scan: &Scan,
    facts: &Facts,
    plan: &Plan,
    options: &Options,
) -> Result<Vec<u8>, Failure> {
    let long = LONG as usize;
    let changes =
        !plan.functions.is_empty() || scan.bodies.iter().any(|body| body.range.len() >= long);
    let hints = changes.then(|| hints::read(scan)).flatten();
    let allowed = options.bounds.max_module_size.saturating_mul(MOST_GROWTH);
    let none = AllHints::new();
    let code = changes
        .then(|| code::rewrite(scan, facts, plan, hints.as_ref().unwrap_or(&none), allowed))
        .transpose()?;
    let mut emitter = Emitter { scan, plan, code, hints, missing: Vec::new(), out: Vec::new() };
    emitter.missing = emitter.find_missing()?;
    let room = emitter.room();
    emitter
        .out
        .try_reserve_exact(room)
        .map_err(|_| Failure::internal("out of memory for the transformed module"))?;
    emitter.module()?;
    Ok(emitter.out)
}

/// No engine reads them; some are larger than the code.
fn is_dropped(name: &str) -> bool {
    const DROPPED: &[&str] = &[
        conventions::SECTION,
        "sourceMappingURL",
        "external_debug_info",
        "producers",
        "target_features",
        "linking",
    ];
    DROPPED.contains(&name) || name.starts_with(".debug_") || name.starts_with("reloc.")
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
    fn find_missing(&self) -> Result<Vec<u8>, Failure> {
        let mut missing = Vec::new();
        for id in [TYPE, IMPORT, FUNCTION, GLOBAL, EXPORT, CODE] {
            let lacks = !self.scan.sections.iter().any(|section| section.id == id);
            if lacks && self.added(id)?.0 > 0 {
                missing.push(id);
            }
        }
        Ok(missing)
    }

    /// An upper bound but for renumbered sections, so that the output is allocated once.
    fn room(&self) -> usize {
        const ADDED: usize = 4096;
        let sections = self.scan.sections.iter();
        let kept: usize = sections
            .filter(|one| !is_dropped(one.name) && (one.id != CODE || self.code.is_none()))
            .map(|one| one.content.len() + 6)
            .sum();
        let code = self.code.iter().flat_map(|code| &code.pieces).map(Piece::len).sum::<usize>();
        let added: usize = self.plan.functions.iter().map(|one| one.body.len() + 10).sum();
        kept + code + added + ADDED
    }

    fn module(&mut self) -> Result<(), Failure> {
        let scan = self.scan;
        self.out.extend_from_slice(&scan.bytes[..8]);
        for (place, section) in scan.sections.iter().enumerate() {
            if section.id != CUSTOM {
                self.missing_before(rank(section.id))?;
            } else if section.name == "name" {
                // It comes after all that is not custom, which what is added must not change.
                let next = scan.sections[place..].iter().find(|one| one.id != CUSTOM);
                self.missing_before(next.map_or(u8::MAX, |one| rank(one.id)))?;
            }
            self.section(section)?;
        }
        self.missing_before(u8::MAX)
    }

    fn missing_before(&mut self, next: u8) -> Result<(), Failure> {
        while let Some(id) = self.missing.first().copied().filter(|id| rank(*id) < next) {
            self.missing.remove(0);
            let (count, entries) = self.added(id)?;
            self.write(id, count, &[&entries])?;
        }
        Ok(())
    }

    /// The entries added to a section.
    fn added(&self, id: u8) -> Result<(u32, Vec<u8>), Failure> {
        let plan = self.plan;
        let mut entries = Vec::new();
        let count = match id {
            TYPE => {
                for one in &plan.types {
                    entries.extend(type_entry(one)?);
                }
                plan.types.len() as u32
            }
            IMPORT => plan.tick_type.map_or(0, |tick| {
                entries.extend(import_entry(tick));
                1
            }),
            FUNCTION => {
                plan.functions.iter().for_each(|one| one.type_index.encode(&mut entries));
                plan.functions.len() as u32
            }
            GLOBAL => {
                (0..plan.globals).for_each(|_| entries.extend(global_entry()));
                plan.globals
            }
            EXPORT => {
                plan.exports.iter().for_each(|one| encode_export(one, &mut entries));
                plan.exports.len() as u32
            }
            CODE => {
                plan.functions.iter().for_each(|one| one.body.encode(&mut entries));
                plan.functions.len() as u32
            }
            _ => 0,
        };
        Ok((count, entries))
    }

    fn section(&mut self, section: &Section<'a>) -> Result<(), Failure> {
        match section.id {
            START_SECTION => Ok(()),
            CUSTOM => self.custom(section),
            CODE => self.code(section),
            id => {
                let content = self.content(section)?;
                let (count, entries) = self.added(id)?;
                let (own, rest) = split_count(&content)?;
                match count {
                    0 => self.copy(id, &content),
                    _ => self.write(id, own + count, &[&content[rest..], &entries]),
                }
            }
        }
    }

    /// With functions under the indices that they have now.
    fn content(&self, section: &Section) -> Result<Cow<'a, [u8]>, Failure> {
        let code = &self.plan.code;
        let reader = self.scan.reader(section.content.clone());
        let written = match section.id {
            TABLE if code.moves => reindex::tables(code, reader)?,
            GLOBAL if code.moves => reindex::globals(code, reader)?,
            EXPORT if code.moves => reindex::exports(code, reader)?,
            ELEMENT if code.moves => reindex::elements(code, reader)?,
            _ => return Ok(Cow::Borrowed(&self.scan.bytes[section.content.clone()])),
        };
        Ok(Cow::Owned(written))
    }

    fn custom(&mut self, section: &Section<'a>) -> Result<(), Failure> {
        let bytes = &self.scan.bytes[section.content.clone()];
        let name = section.name;
        if is_dropped(name) || (name == "name" && !names::are_short(section.data)) {
            return Ok(());
        }
        if name == "name" && self.plan.code.moves {
            let moved = names::moved(section.data, &mut Moved(&self.plan.code));
            return moved.map_or(Ok(()), |names| self.encode(CUSTOM, &names));
        }
        if name.starts_with("metadata.code.") && self.code.is_some() {
            return self.branch_hints(name);
        }
        self.copy(CUSTOM, bytes)
    }

    /// Other sections by code offset are dropped: they are about what no engine does.
    fn branch_hints(&mut self, name: &str) -> Result<(), Failure> {
        let (Some(code), Some(hints)) = (&self.code, &self.hints) else {
            return Ok(());
        };
        if name != hints::SECTION {
            return Ok(());
        }
        let data = hints::write(self.scan, self.plan.code.moves, hints, &code.moved)?;
        self.encode(CUSTOM, &CustomSection { name: name.into(), data: data.into() })
    }

    fn code(&mut self, section: &Section<'a>) -> Result<(), Failure> {
        let bytes = self.scan.bytes;
        let content = &bytes[section.content.clone()];
        let Some(code) = &mut self.code else {
            return self.copy(CODE, content);
        };
        let rewritten = std::mem::take(&mut code.pieces);
        let (added, entries) = self.added(CODE)?;
        let mut pieces: Vec<&[u8]> = Vec::with_capacity(rewritten.len() + 1);
        for piece in &rewritten {
            pieces.push(match piece {
                Piece::Old(range) => &bytes[range.clone()],
                Piece::New(new) => new,
            });
        }
        pieces.push(&entries);
        let (own, _) = split_count(content)?;
        self.write(CODE, own + added, &pieces)
    }

    fn copy(&mut self, id: u8, content: &[u8]) -> Result<(), Failure> {
        self.head(id, content.len())?;
        self.out.extend_from_slice(content);
        Ok(())
    }

    fn encode(&mut self, id: u8, section: &impl Encode) -> Result<(), Failure> {
        self.out.push(id);
        section.encode(&mut self.out);
        Ok(())
    }

    fn head(&mut self, id: u8, size: usize) -> Result<(), Failure> {
        let size = u32::try_from(size).map_err(|_| {
            let what = "bytes of a transformed section";
            Failure::bound("max_module_size", what, size as u64, u64::from(u32::MAX))
        })?;
        self.out.push(id);
        size.encode(&mut self.out);
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
}

/// The count at the start of a section, and where its entries are.
fn split_count(content: &[u8]) -> Result<(u32, usize), Failure> {
    let mut reader = BinaryReader::new(content, 0);
    let count = reader.read_var_u32().map_err(|error| Failure::malformed(&error))?;
    Ok((count, reader.original_position() as usize))
}

fn type_entry(one: &wasmparser::FuncType) -> Result<Vec<u8>, Failure> {
    let one = FuncType::try_from(one.clone()).map_err(|error| {
        Failure::internal(format!("a function type cannot be encoded: {error}"))
    })?;
    let mut section = TypeSection::new();
    section.ty().func_type(&one);
    Ok(entries(&section))
}

fn encode_export((name, kind, index): &(&str, ExportKind, u32), entries: &mut Vec<u8>) {
    name.encode(entries);
    kind.encode(entries);
    index.encode(entries);
}

fn import_entry(tick_type: u32) -> Vec<u8> {
    let mut section = ImportSection::new();
    section.import("wsb", "tick", EntityType::Function(tick_type));
    entries(&section)
}

fn global_entry() -> Vec<u8> {
    let val_type = wasm_encoder::ValType::I64;
    let mut section = GlobalSection::new();
    let kind = GlobalType { val_type, mutable: true, shared: false };
    section.global(kind, &ConstExpr::i64_const(0));
    entries(&section)
}
