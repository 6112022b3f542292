//! What was found, as the bytes that the C side decodes. The format is in
//! docs/internals/module.md.

use crate::bodies::Facts;
use crate::conventions::{Convention, Declared, COMMAND, REACTOR, SCALAR};
use crate::failure::Failure;
use crate::plan::Plan;
use crate::scan::Scan;
use wasmparser::{Export, ExternalKind, FuncType, RefType, TypeRef, ValType};

const MAGIC: u32 = 0x4942_5357;
const VERSION: u32 = 2;

const HAS_MEMORY: u64 = 1;
const IS_COMMAND: u64 = 1 << 1;
const IS_REACTOR: u64 = 1 << 2;
const HAS_START: u64 = 1 << 3;
const MEMORY_64: u64 = 1 << 4;
const COUNTS_GROW: u64 = 1 << 5;
const MEMORY_IMPORTED: u64 = 1 << 6;
const HAS_BUDGET: u64 = 1 << 7;
const HAS_MEMORY_LIMIT: u64 = 1 << 8;
const HAS_TABLE_LIMIT: u64 = 1 << 9;

/// Pairs in the order of preference, with whether the second takes a size too.
const ALLOCATORS: &[(&str, &str, bool)] = &[
    ("wsb_alloc", "wsb_free", true),
    ("allocate", "deallocate", true),
    ("alloc", "dealloc", true),
    ("malloc", "free", false),
];

struct Writer<'s, 'a> {
    scan: &'s Scan<'a>,
    out: Vec<u8>,
    /// Of the module's type index to that in the blob.
    types: Vec<Option<u32>>,
    used: Vec<&'s FuncType>,
}

pub fn write(
    scan: &Scan,
    facts: &Facts,
    plan: &Plan,
    declared: &Declared,
    module_size: u64,
) -> Result<Vec<u8>, Failure> {
    let types = vec![None; scan.types.len()];
    let mut writer = Writer { scan, out: Vec::new(), types, used: Vec::new() };
    writer.number_types()?;
    writer.head(facts, plan, module_size);
    writer.type_table();
    writer.imports()?;
    writer.exports(declared)?;
    writer.allocators();
    Ok(writer.out)
}

fn inconsistent() -> Failure {
    Failure::internal("a valid module refers to what it does not have")
}

fn value_type(one: ValType) -> u8 {
    match one {
        ValType::I32 => 1,
        ValType::I64 => 2,
        ValType::F32 => 3,
        ValType::F64 => 4,
        ValType::V128 => 5,
        ValType::Ref(reference) => reference_type(reference),
    }
}

fn reference_type(one: RefType) -> u8 {
    match one {
        RefType::FUNCREF => 6,
        RefType::EXTERNREF => 7,
        _ => 8,
    }
}

impl<'s, 'a> Writer<'s, 'a> {
    fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Lengths and counts come out of sections, whose size is an u32.
    fn count(&mut self, value: usize) {
        self.u32(value as u32);
    }

    fn str(&mut self, text: &str) {
        self.count(text.len());
        self.out.extend_from_slice(text.as_bytes());
    }

    fn head(&mut self, facts: &Facts, plan: &Plan, module_size: u64) {
        let scan = self.scan;
        let memory = scan.memories.first();
        self.u32(MAGIC);
        self.u32(VERSION);
        self.u64(self.flags(plan));
        self.u64(memory.map_or(0, |memory| memory.initial));
        self.u64(memory.map_or(0, |memory| memory.maximum.unwrap_or(u64::MAX)));
        let minimum = scan.tables.iter().map(|table| table.initial).max();
        let own = &scan.tables[scan.imported_tables..];
        let maximum = own.iter().map(|table| table.maximum.unwrap_or(u64::MAX)).max();
        self.u64(minimum.unwrap_or(0));
        self.u64(maximum.unwrap_or(0));
        self.u64(facts.required);
        self.u64(scan.tables.iter().fold(0, |sum, table| sum.saturating_add(table.initial)));
        self.u64(scan.bodies.len() as u64);
        self.u64(scan.code_size);
        self.u64(module_size);
    }

    fn flags(&self, plan: &Plan) -> u64 {
        let scan = self.scan;
        let mut flags = 0;
        if let Some(memory) = scan.memories.first() {
            flags |= HAS_MEMORY;
            if memory.memory64 {
                flags |= MEMORY_64;
            }
            if scan.imported_memories > 0 {
                flags |= MEMORY_IMPORTED;
            }
        }
        if scan.exports.iter().any(|export| self.entry(export) == Some(COMMAND)) {
            flags |= IS_COMMAND;
        }
        if scan.exports.iter().any(|export| self.entry(export) == Some(REACTOR)) {
            flags |= IS_REACTOR;
        }
        if scan.start.is_some() {
            flags |= HAS_START;
        }
        let added = [
            (plan.code.memory_grow.is_some(), COUNTS_GROW),
            (plan.code.counter.is_some(), HAS_BUDGET),
            (plan.memory_limit, HAS_MEMORY_LIMIT),
            (plan.table_limit, HAS_TABLE_LIMIT),
        ];
        added.iter().filter(|(has, _)| *has).fold(flags, |all, (_, flag)| all | flag)
    }

    /// The convention of WASI's entry points.
    fn entry(&self, export: &Export) -> Option<u8> {
        let convention = match export.name {
            "_start" => COMMAND,
            "_initialize" => REACTOR,
            _ => return None,
        };
        self.has_signature(export, &[], &[]).then_some(convention)
    }

    fn has_signature(&self, export: &Export, params: &[ValType], results: &[ValType]) -> bool {
        export.kind == ExternalKind::Func
            && self
                .scan
                .signature(export.index)
                .is_some_and(|one| one.params() == params && one.results() == results)
    }

    /// Numbers the types of imported and exported functions in the order of their first use.
    fn number_types(&mut self) -> Result<(), Failure> {
        let scan = self.scan;
        for import in &scan.imports {
            match import.ty {
                TypeRef::Func(index) | TypeRef::FuncExact(index) => self.number_type(index)?,
                TypeRef::Tag(tag) => self.number_type(tag.func_type_idx)?,
                _ => {}
            }
        }
        for export in &scan.exports {
            match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    self.number_type(of(&scan.functions, export.index)?)?
                }
                ExternalKind::Tag => self.number_type(of(&scan.tags, export.index)?)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn number_type(&mut self, index: u32) -> Result<(), Failure> {
        let signature = self.scan.types.get(index as usize).and_then(Option::as_ref);
        let signature = signature.ok_or_else(inconsistent)?;
        let number = &mut self.types[index as usize];
        if number.is_none() {
            *number = Some(self.used.len() as u32);
            self.used.push(signature);
        }
        Ok(())
    }

    fn type_table(&mut self) {
        self.count(self.used.len());
        for signature in std::mem::take(&mut self.used) {
            self.count(signature.params().len());
            self.count(signature.results().len());
            for one in signature.params().iter().chain(signature.results()) {
                self.u8(value_type(*one));
            }
        }
    }

    fn imports(&mut self) -> Result<(), Failure> {
        let scan = self.scan;
        self.count(scan.imports.len());
        for import in &scan.imports {
            self.str(import.module);
            self.str(import.name);
            self.item(import.ty)?;
        }
        Ok(())
    }

    fn exports(&mut self, declared: &Declared) -> Result<(), Failure> {
        let scan = self.scan;
        self.count(scan.exports.len());
        for export in &scan.exports {
            self.str(export.name);
            self.exported_item(export)?;
            let own = (export.kind == ExternalKind::Func)
                .then(|| declared.get(export.name).copied())
                .flatten();
            let default = self.entry(export).unwrap_or(SCALAR);
            let shown = own.unwrap_or(Convention { convention: default, encoding: 0 });
            self.u8(own.is_some().into());
            self.u8(shown.convention);
            self.u8(shown.encoding);
        }
        Ok(())
    }

    fn exported_item(&mut self, export: &Export) -> Result<(), Failure> {
        let scan = self.scan;
        match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                self.function(of(&scan.functions, export.index)?)
            }
            ExternalKind::Table => self.item(TypeRef::Table(of(&scan.tables, export.index)?)),
            ExternalKind::Memory => self.item(TypeRef::Memory(of(&scan.memories, export.index)?)),
            ExternalKind::Global => self.item(TypeRef::Global(of(&scan.globals, export.index)?)),
            ExternalKind::Tag => self.tag(of(&scan.tags, export.index)?),
        }
    }

    fn function(&mut self, type_index: u32) -> Result<(), Failure> {
        self.u8(0);
        self.type_reference(type_index)
    }

    fn tag(&mut self, type_index: u32) -> Result<(), Failure> {
        self.u8(4);
        self.type_reference(type_index)
    }

    fn type_reference(&mut self, index: u32) -> Result<(), Failure> {
        let number = self.types.get(index as usize).copied().flatten();
        self.u32(number.ok_or_else(inconsistent)?);
        Ok(())
    }

    fn item(&mut self, item: TypeRef) -> Result<(), Failure> {
        match item {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => return self.function(index),
            TypeRef::Tag(tag) => return self.tag(tag.func_type_idx),
            TypeRef::Table(table) => {
                self.u8(1);
                self.u8(reference_type(table.element_type));
                self.u8(table.table64.into());
                self.u64(table.initial);
                self.u64(table.maximum.unwrap_or(u64::MAX));
            }
            TypeRef::Memory(memory) => {
                self.u8(2);
                self.u8(memory.memory64.into());
                self.u64(memory.initial);
                self.u64(memory.maximum.unwrap_or(u64::MAX));
            }
            TypeRef::Global(global) => {
                self.u8(3);
                self.u8(value_type(global.content_type));
                self.u8(global.mutable.into());
            }
        }
        Ok(())
    }

    fn allocators(&mut self) {
        use ValType::I32;
        let exports = &self.scan.exports;
        let exists = |name: &str, params: &[ValType], results: &[ValType]| {
            exports.iter().any(|one| one.name == name && self.has_signature(one, params, results))
        };
        let found = ALLOCATORS.iter().find(|(allocate, free, sized)| {
            let freed: &[ValType] = if *sized { &[I32, I32] } else { &[I32] };
            exists(allocate, &[I32], &[I32]) && exists(free, freed, &[])
        });
        let (allocate, free) = found.map_or(("", ""), |(allocate, free, _)| (*allocate, *free));
        self.str(allocate);
        self.str(free);
    }
}

fn of<T: Copy>(items: &[T], index: u32) -> Result<T, Failure> {
    items.get(index as usize).copied().ok_or_else(inconsistent)
}
