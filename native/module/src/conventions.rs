//! How exports are called, as the guest SDK declares it in custom sections.

use crate::failure::Failure;
use crate::scan::Scan;
use std::collections::HashMap;
use wasmparser::{ExternalKind, FuncType, ValType};

pub const SECTION: &str = "wasm_sandbox";

/// `wsb_convention` and `wsb_encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convention {
    pub convention: u8,
    pub encoding: u8,
}

pub const SCALAR: u8 = 0;
pub const BUFFER: u8 = 1;
pub const COMMAND: u8 = 2;
pub const REACTOR: u8 = 3;

pub type Declared<'a> = HashMap<&'a str, Convention>;

/// Records are `1:<function>:<convention>:<encoding>` with a closing NUL; linkers join sections of
/// one name and may pad them with NULs.
pub fn read<'a>(scan: &Scan<'a>) -> Result<Declared<'a>, Failure> {
    let mut declared = Declared::new();
    let ours = scan.sections.iter().filter(|section| section.id == 0 && section.name == SECTION);
    let mut records = ours.flat_map(|section| section.data.split_inclusive(|byte| *byte == 0));
    if let Some(first) = records.next() {
        let exports = function_exports(scan);
        for record in std::iter::once(first).chain(records).filter(|record| *record != [0]) {
            let (name, convention) = parse(record)?;
            check(name, convention, exports.get(name).copied().flatten())?;
            if declared.insert(name, convention).is_some_and(|other| other != convention) {
                return Err(wrong(name, "is declared twice, differently"));
            }
        }
    }
    Ok(declared)
}

/// Exported functions with their signature.
fn function_exports<'s, 'a>(scan: &'s Scan<'a>) -> HashMap<&'a str, Option<&'s FuncType>> {
    scan.exports
        .iter()
        .filter(|export| export.kind == ExternalKind::Func)
        .map(|export| (export.name, scan.signature(export.index)))
        .collect()
}

fn parse(record: &[u8]) -> Result<(&str, Convention), Failure> {
    let fields = || {
        let text = std::str::from_utf8(record.strip_suffix(&[0])?).ok()?;
        let rest = text.strip_prefix("1:").filter(|_| text.is_ascii())?;
        let (rest, encoding) = rest.rsplit_once(':')?;
        let (name, convention) = rest.rsplit_once(':')?;
        let convention = match convention {
            "scalar" => SCALAR,
            "buffer" => BUFFER,
            _ => return None,
        };
        let encoding = match encoding {
            "json" => 0,
            "msgpack" => 1,
            "bytes" => 2,
            "-" if convention == SCALAR => 0,
            _ => return None,
        };
        (!name.is_empty()).then_some((name, Convention { convention, encoding }))
    };
    fields().ok_or_else(|| {
        let shown = &record[..record.len().min(80)];
        Failure::invalid(format!(
            "the custom section {SECTION} has a malformed record \"{}\": expected \
             1:<function>:<scalar|buffer>:<json|msgpack|bytes|-> and a NUL",
            shown.strip_suffix(&[0]).unwrap_or(shown).escape_ascii()
        ))
    })
}

fn check(name: &str, convention: Convention, signature: Option<&FuncType>) -> Result<(), Failure> {
    let Some(signature) = signature else {
        return Err(wrong(name, "is not an exported function"));
    };
    let buffer = ([ValType::I32, ValType::I32].as_slice(), [ValType::I64].as_slice());
    if convention.convention == BUFFER && (signature.params(), signature.results()) != buffer {
        return Err(wrong(name, "has the buffer convention but is not (i32, i32) -> i64"));
    }
    Ok(())
}

fn wrong(name: &str, what: &str) -> Failure {
    let short: String = name.chars().take(120).collect();
    Failure::invalid(format!("the custom section {SECTION}: \"{short}\" {what}"))
}
