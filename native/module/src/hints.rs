//! Branch hints are by code offset: those of bodies that are written again have to follow.

use crate::failure::Failure;
use crate::scan::Scan;
use std::collections::BTreeMap;
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, BranchHintSectionReader};

pub const SECTION: &str = "metadata.code.branch_hint";

/// Of one body, ascending.
#[derive(Default)]
pub struct Hints {
    /// Offsets in the module.
    pub places: Vec<usize>,
    taken: Vec<bool>,
}

/// By body.
pub type AllHints = BTreeMap<usize, Hints>;

/// None where the section is malformed or there is more than one of it: they are hints only.
pub fn read(scan: &Scan) -> Option<AllHints> {
    let mut found = scan.sections.iter().filter(|one| one.id == 0 && one.name == SECTION);
    let section = found.next()?;
    if found.next().is_some() {
        return None;
    }
    parse(scan, section.data).ok().flatten()
}

fn parse(scan: &Scan, data: &[u8]) -> wasmparser::Result<Option<AllHints>> {
    let mut all = AllHints::new();
    for function in BranchHintSectionReader::new(BinaryReader::new(data, 0))? {
        let function = function?;
        let index = (function.func as usize).checked_sub(scan.imported_functions);
        let Some((index, body)) = index.and_then(|at| Some((at, scan.bodies.get(at)?))) else {
            return Ok(None);
        };
        let hints: &mut Hints = all.entry(index).or_default();
        for hint in function.hints {
            let hint = hint?;
            let place = body.range.start + hint.func_offset as usize;
            let ascends = hints.places.last().is_none_or(|last| *last < place);
            if !ascends || place >= body.range.end {
                return Ok(None);
            }
            hints.places.push(place);
            hints.taken.push(hint.taken);
        }
    }
    Ok(Some(all))
}

/// The data of the section, with the new offsets of those that moved, by body.
pub fn write(
    scan: &Scan,
    moves: bool,
    all: &AllHints,
    moved: &BTreeMap<usize, Vec<u32>>,
) -> Result<Vec<u8>, Failure> {
    let mut data = Vec::new();
    (all.len() as u32).encode(&mut data);
    for (body, hints) in all {
        let function = scan.imported_functions + body + usize::from(moves);
        (function as u32).encode(&mut data);
        (hints.places.len() as u32).encode(&mut data);
        let start = scan.bodies[*body].range.start;
        let now = moved.get(body);
        if now.is_some_and(|now| now.len() != hints.places.len()) {
            return Err(Failure::internal("a branch hint was lost"));
        }
        for (index, taken) in hints.taken.iter().enumerate() {
            let own = (hints.places[index] - start) as u32;
            now.map_or(own, |now| now[index]).encode(&mut data);
            1u32.encode(&mut data);
            u32::from(*taken).encode(&mut data);
        }
    }
    Ok(data)
}
