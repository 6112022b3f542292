//! Names in a backtrace: an engine copies one for each frame, so what is twenty frames deep in a
//! function whose name has 60 MB takes 1.8 GB to report.

use crate::reindex::Moved;
use wasm_encoder::reencode::Reencode;
use wasm_encoder::NameSection;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Beyond what any compiler mangles.
const MAX_NAME: usize = 64 << 10;

/// Whether a `name` section can be read and no name of a function or the module is too long.
pub fn are_short(section: &[u8]) -> bool {
    NameSectionReader::new(BinaryReader::new(section, 0)).into_iter().all(|part| match part {
        Ok(Name::Module { name, .. }) => name.len() <= MAX_NAME,
        Ok(Name::Function(names)) => {
            names.into_iter().all(|one| one.is_ok_and(|one| one.name.len() <= MAX_NAME))
        }
        Ok(_) => true,
        Err(_) => false,
    })
}

/// The names under the indices that functions have now; None for what cannot be read. Labels are
/// left out: blocks that were added count among them.
pub fn moved(section: &[u8], moved: &mut Moved) -> Option<NameSection> {
    let mut names = NameSection::new();
    for part in NameSectionReader::new(BinaryReader::new(section, 0)) {
        let part = part.ok()?;
        if !matches!(part, Name::Label(_)) {
            moved.parse_custom_name_subsection(&mut names, part).ok()?;
        }
    }
    Some(names)
}
