//! Sections that name functions, where the module's own move by one.

use crate::failure::Failure;
use crate::plan::Code;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{ElementSection, Encode, ExportSection, GlobalSection, TableSection};
use wasmparser::{
    BinaryReader, ElementSectionReader, ExportSectionReader, GlobalSectionReader,
    TableSectionReader,
};

/// Renumbers functions.
pub struct Moved<'p>(pub &'p Code);

impl Reencode for Moved<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error<Self::Error>> {
        Ok(self.0.function(index))
    }
}

/// The content of a section: its count and entries.
fn content(section: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::new();
    section.encode(&mut bytes);
    let size = bytes.iter().position(|byte| byte & 0x80 == 0).map_or(0, |at| at + 1);
    bytes.split_off(size)
}

/// The sections were read before.
fn lost(error: impl std::fmt::Display) -> Failure {
    Failure::internal(format!("a section that was valid cannot be written again: {error}"))
}

pub fn tables(code: &Code, reader: BinaryReader) -> Result<Vec<u8>, Failure> {
    let mut section = TableSection::new();
    let reader = TableSectionReader::new(reader).map_err(lost)?;
    Moved(code).parse_table_section(&mut section, reader).map_err(lost)?;
    Ok(content(&section))
}

pub fn globals(code: &Code, reader: BinaryReader) -> Result<Vec<u8>, Failure> {
    let mut section = GlobalSection::new();
    let reader = GlobalSectionReader::new(reader).map_err(lost)?;
    Moved(code).parse_global_section(&mut section, reader).map_err(lost)?;
    Ok(content(&section))
}

pub fn exports(code: &Code, reader: BinaryReader) -> Result<Vec<u8>, Failure> {
    let mut section = ExportSection::new();
    let reader = ExportSectionReader::new(reader).map_err(lost)?;
    Moved(code).parse_export_section(&mut section, reader).map_err(lost)?;
    Ok(content(&section))
}

pub fn elements(code: &Code, reader: BinaryReader) -> Result<Vec<u8>, Failure> {
    let mut section = ElementSection::new();
    let reader = ElementSectionReader::new(reader).map_err(lost)?;
    Moved(code).parse_element_section(&mut section, reader).map_err(lost)?;
    Ok(content(&section))
}
