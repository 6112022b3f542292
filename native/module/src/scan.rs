//! The first pass: what is in the module, without looking into function bodies beyond their
//! locals. Nothing is allocated for a count before that many entries were read.

use crate::bounds::{check, Bounds};
use crate::failure::{at, Failure};
use crate::proposals::{diagnose, FEATURES};
use crate::required;
use crate::startup::Startup;
use std::ops::Range;
use wasmparser::{
    BinaryReader, CompositeInnerType, ElementItems, Export, FuncType, GlobalType, Import,
    MemoryType, Parser, Payload, SubType, TableType, TypeRef,
};

/// One section: `content` is what follows its id and size.
pub struct Section<'a> {
    pub id: u8,
    pub content: Range<usize>,
    /// Custom sections.
    pub name: &'a str,
    pub data: &'a [u8],
}

/// One body in the code section: where its size is, where it starts and ends.
pub struct Body {
    pub size_at: usize,
    pub range: Range<usize>,
}

pub struct Scan<'a> {
    pub bytes: &'a [u8],
    pub sections: Vec<Section<'a>>,
    /// None for what is no function type (those do not validate).
    pub types: Vec<Option<FuncType>>,
    pub imports: Vec<Import<'a>>,
    pub exports: Vec<Export<'a>>,
    /// Type indices of functions, imported ones first; also for the others.
    pub functions: Vec<u32>,
    pub tables: Vec<TableType>,
    pub memories: Vec<MemoryType>,
    pub globals: Vec<GlobalType>,
    pub tags: Vec<u32>,
    pub imported_functions: usize,
    pub imported_tables: usize,
    pub imported_memories: usize,
    pub start: Option<u32>,
    pub bodies: Vec<Body>,
    pub code_size: u64,
    /// Proposals that types, tables, memories, globals and tags need; `required` has the bits.
    pub required: u64,
    startup: Startup,
    locals: u64,
}

/// A step of the scan either finds the module malformed, where the parser's error goes through
/// diagnose(), or has a failure of its own.
pub enum Stop {
    Parser(wasmparser::Error),
    Failure(Failure),
}

impl From<wasmparser::Error> for Stop {
    fn from(error: wasmparser::Error) -> Stop {
        Stop::Parser(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

pub fn scan<'a>(bytes: &'a [u8], bounds: &Bounds) -> Result<Scan<'a>, Failure> {
    let mut scan = Scan {
        bytes,
        sections: Vec::new(),
        types: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
        functions: Vec::new(),
        tables: Vec::new(),
        memories: Vec::new(),
        globals: Vec::new(),
        tags: Vec::new(),
        imported_functions: 0,
        imported_tables: 0,
        imported_memories: 0,
        start: None,
        bodies: Vec::new(),
        code_size: 0,
        required: 0,
        startup: Startup::default(),
        locals: 0,
    };
    match scan.sections(bounds) {
        Ok(()) => Ok(scan),
        Err(Stop::Failure(failure)) => Err(failure),
        Err(Stop::Parser(error)) => Err(diagnose(bytes, error)),
    }
}

/// A function of more than 65,535 makes Wasmtime abort; the one that fills them in is such.
fn most_globals(bounds: &Bounds) -> u64 {
    bounds.max_globals.min(50_000)
}

fn truncated(offset: u64) -> Failure {
    Failure::invalid(at("the module is truncated: it ends within a section that starts", offset))
}

impl<'a> Scan<'a> {
    fn sections(&mut self, bounds: &Bounds) -> Result<(), Stop> {
        let mut parser = Parser::new(0);
        parser.set_features(FEATURES);
        let mut offset = 0usize;
        loop {
            self.check_complete(offset)?;
            let rest = &self.bytes[offset..];
            let wasmparser::Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? else {
                return Err(truncated(offset as u64).into());
            };
            let end = match &payload {
                Payload::CodeSectionStart { unchecked_range, .. } => {
                    parser.skip_section();
                    unchecked_range.end as usize
                }
                _ => offset + consumed,
            };
            if matches!(payload, Payload::End(_)) {
                return Ok(());
            }
            self.record(&payload, offset, end)?;
            self.payload(payload, bounds)?;
            offset = end;
        }
    }

    /// Whether the section at `offset` lies within the file: told apart from other errors, since
    /// an interrupted download is what users meet.
    fn check_complete(&self, offset: usize) -> Result<(), Failure> {
        if offset < 8 || offset >= self.bytes.len() {
            return Ok(());
        }
        let mut reader = BinaryReader::new(&self.bytes[offset + 1..], offset as u64 + 1);
        let available = reader.bytes_remaining();
        match reader.read_var_u32() {
            Ok(size) if size as usize <= reader.bytes_remaining() => Ok(()),
            Err(_) if available >= 5 => Ok(()), // an overlong number, the parser will say
            _ => Err(truncated(offset as u64)),
        }
    }

    fn record(&mut self, payload: &Payload<'a>, start: usize, end: usize) -> Result<(), Stop> {
        if matches!(payload, Payload::Version { .. }) {
            return Ok(());
        }
        let mut reader = BinaryReader::new(&self.bytes[start..end], start as u64);
        let id = reader.read_u8()?;
        reader.read_var_u32()?;
        let content = reader.original_position() as usize..end;
        let (name, data) = match payload {
            Payload::CustomSection(custom) => (custom.name(), custom.data()),
            _ => ("", &[][..]),
        };
        self.sections.push(Section { id, content, name, data });
        Ok(())
    }

    fn payload(&mut self, payload: Payload<'a>, bounds: &Bounds) -> Result<(), Stop> {
        match payload {
            Payload::TypeSection(reader) => self.type_section(reader, bounds),
            Payload::ImportSection(reader) => self.import_section(reader, bounds),
            Payload::FunctionSection(reader) => self.function_section(reader, bounds),
            Payload::TableSection(reader) => {
                let count = self.tables.len() as u64 + u64::from(reader.count());
                check("max_tables", "tables", count, bounds.max_tables)?;
                for table in reader {
                    self.add_table(table?.ty);
                }
                Ok(())
            }
            Payload::MemorySection(reader) => {
                for memory in reader {
                    self.add_memory(memory?);
                }
                Ok(())
            }
            Payload::GlobalSection(reader) => {
                let count = self.globals.len() as u64 + u64::from(reader.count());
                check("max_globals", "globals", count, most_globals(bounds))?;
                for global in reader {
                    let global = global?;
                    self.startup.global(&global.init_expr, bounds)?;
                    self.add_global(global.ty);
                }
                Ok(())
            }
            Payload::TagSection(reader) => {
                for tag in reader {
                    self.add_tag(tag?.func_type_idx);
                }
                Ok(())
            }
            Payload::ExportSection(reader) => self.export_section(reader, bounds),
            Payload::StartSection { func, .. } => {
                self.start = Some(func);
                Ok(())
            }
            Payload::ElementSection(reader) => self.element_section(reader, bounds),
            Payload::CodeSectionStart { count, unchecked_range, .. } => {
                self.code_section(count, unchecked_range, bounds)
            }
            Payload::DataCountSection { count, .. } => {
                let count = u64::from(count);
                Ok(check("max_data_segments", "data segments", count, bounds.max_data_segments)?)
            }
            Payload::DataSection(reader) => self.data_section(reader, bounds),
            // Unknown sections: the validator refuses them.
            _ => Ok(()),
        }
    }

    fn add_table(&mut self, table: TableType) {
        self.required |= required::of_reference(table.element_type);
        self.required |= if table.table64 { required::MEMORY64 } else { 0 };
        self.tables.push(table);
    }

    fn add_memory(&mut self, memory: MemoryType) {
        self.required |= if memory.memory64 { required::MEMORY64 } else { 0 };
        self.memories.push(memory);
    }

    fn add_global(&mut self, global: GlobalType) {
        self.required |= required::of_type(global.content_type);
        self.globals.push(global);
    }

    fn add_tag(&mut self, function_type: u32) {
        self.required |= required::EXCEPTIONS;
        self.tags.push(function_type);
    }

    fn type_section(
        &mut self,
        reader: wasmparser::TypeSectionReader<'a>,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        check("max_types", "types", u64::from(reader.count()), bounds.max_types)?;
        for group in reader {
            for one in group?.into_types() {
                let one = function_type(one);
                self.required |= one.as_ref().map_or(0, required::of_function);
                self.types.push(one);
                check("max_types", "types", self.types.len() as u64, bounds.max_types)?;
            }
        }
        Ok(())
    }

    fn import_section(
        &mut self,
        reader: wasmparser::ImportSectionReader<'a>,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        check("max_imports", "imports", u64::from(reader.count()), bounds.max_imports)?;
        for import in reader.into_imports() {
            let import = import?;
            match import.ty {
                TypeRef::Func(index) | TypeRef::FuncExact(index) => self.functions.push(index),
                TypeRef::Table(table) => self.add_table(table),
                TypeRef::Memory(memory) => self.add_memory(memory),
                TypeRef::Global(global) => self.add_global(global),
                TypeRef::Tag(tag) => self.add_tag(tag.func_type_idx),
            }
            self.imports.push(import);
            check("max_imports", "imports", self.imports.len() as u64, bounds.max_imports)?;
        }
        self.imported_functions = self.functions.len();
        self.imported_tables = self.tables.len();
        self.imported_memories = self.memories.len();
        check("max_functions", "functions", self.functions.len() as u64, bounds.max_functions)?;
        check("max_tables", "tables", self.tables.len() as u64, bounds.max_tables)?;
        check("max_globals", "globals", self.globals.len() as u64, most_globals(bounds))?;
        Ok(())
    }

    fn function_section(
        &mut self,
        reader: wasmparser::FunctionSectionReader<'a>,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        let count = self.functions.len() as u64 + u64::from(reader.count());
        check("max_functions", "functions", count, bounds.max_functions)?;
        for index in reader {
            self.functions.push(index?);
        }
        Ok(())
    }

    fn export_section(
        &mut self,
        reader: wasmparser::ExportSectionReader<'a>,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        check("max_exports", "exports", u64::from(reader.count()), bounds.max_exports)?;
        for export in reader {
            let export = export?;
            if export.name.starts_with("wsb:") {
                return Err(Failure::invalid(format!(
                    "the export \"{}\" is reserved: no export may start with \"wsb:\"",
                    export.name
                ))
                .into());
            }
            self.exports.push(export);
        }
        Ok(())
    }

    fn element_section(
        &mut self,
        reader: wasmparser::ElementSectionReader<'a>,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        let count = u64::from(reader.count());
        check("max_element_segments", "element segments", count, bounds.max_element_segments)?;
        for segment in reader {
            let segment = segment?;
            if let ElementItems::Expressions(element, _) = &segment.items {
                self.required |= required::of_reference(*element);
            }
            self.startup.element(&segment, &self.tables, self.imported_tables, bounds)?;
        }
        Ok(())
    }

    fn data_section(
        &mut self,
        reader: wasmparser::DataSectionReader<'a>,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        let count = u64::from(reader.count());
        check("max_data_segments", "data segments", count, bounds.max_data_segments)?;
        for segment in reader {
            self.startup.data(&segment?, &self.memories, self.imported_memories, bounds)?;
        }
        self.startup.finish(bounds)
    }

    fn code_section(
        &mut self,
        count: u32,
        section: Range<u64>,
        bounds: &Bounds,
    ) -> Result<(), Stop> {
        check("max_functions", "functions", u64::from(count), bounds.max_functions)?;
        let section = section.start as usize..section.end as usize;
        let mut reader = self.reader(section);
        reader.read_var_u32()?; // the count
        for _ in 0..count {
            let size_at = reader.original_position() as usize;
            let size = reader.read_var_u32()?;
            check(
                "max_function_size",
                "bytes of a function",
                size.into(),
                bounds.max_function_size,
            )?;
            let start = reader.original_position() as usize;
            reader.read_bytes(size as usize)?;
            let range = start..start + size as usize;
            self.check_locals(range.clone(), bounds)?;
            self.code_size += u64::from(size);
            self.bodies.push(Body { size_at, range });
        }
        if !reader.eof() {
            let offset = reader.original_position();
            return Err(Failure::invalid(at("trailing bytes in the code section", offset)).into());
        }
        Ok(())
    }

    /// Locals are declared in runs, so a few bytes can declare billions.
    fn check_locals(&mut self, body: Range<usize>, bounds: &Bounds) -> Result<(), Stop> {
        let mut reader = self.reader(body);
        let mut total = 0u64;
        for _ in 0..reader.read_var_u32()? {
            total += u64::from(reader.read_var_u32()?);
            self.required |= required::of_type(reader.read()?);
            check("max_locals", "locals of a function", total, bounds.max_locals)?;
        }
        self.locals = self.locals.saturating_add(total);
        Ok(check("max_total_locals", "locals", self.locals, bounds.max_total_locals)?)
    }

    pub fn reader(&self, range: Range<usize>) -> BinaryReader<'a> {
        let start = range.start as u64;
        BinaryReader::new_features(&self.bytes[range], start, FEATURES)
    }

    /// The signature of a function, where there is one.
    pub fn signature(&self, function: u32) -> Option<&FuncType> {
        let index = self.functions.get(function as usize)?;
        self.types.get(*index as usize)?.as_ref()
    }
}

fn function_type(one: SubType) -> Option<FuncType> {
    let plain = one.is_final && one.supertype_idxs.is_empty() && !one.composite_type.shared;
    match one.composite_type.inner {
        CompositeInnerType::Func(signature) if plain => Some(signature),
        _ => None,
    }
}
