//! Works around a fault of Wasmi 2.0.0 (`translate_select`): where a `select` follows a comparison
//! of a local with zero, it drops the comparison and then decides by a register that the comparison
//! would have filled. The condition of such a `select` is passed through `i32.popcnt` here, which is
//! zero for zero only and keeps the two apart.

use std::borrow::Cow;

use wasmparser::{FunctionBody, Operator, Parser, Payload, Result};

const CODE_SECTION: u8 = 10;
const I32_POPCNT: u8 = 0x69;

/// Whether the condition of a `select` after this operator cannot be a comparison with zero.
fn harmless(op: &Operator) -> bool {
    use Operator::*;
    matches!(
        op,
        LocalGet { .. }
            | GlobalGet { .. }
            | I32Const { .. }
            | I32LtS
            | I32LtU
            | I32GtS
            | I32GtU
            | I32LeS
            | I32LeU
            | I32GeS
            | I32GeU
            | I64LtS
            | I64LtU
            | I64GtS
            | I64GtU
            | I64LeS
            | I64LeU
            | I64GeS
            | I64GeU
            | F32Eq
            | F32Ne
            | F32Lt
            | F32Gt
            | F32Le
            | F32Ge
            | F64Eq
            | F64Ne
            | F64Lt
            | F64Gt
            | F64Le
            | F64Ge
    )
}

/// Where in the module `i32.popcnt` has to be put in.
fn places(body: &FunctionBody) -> Result<Vec<usize>> {
    let mut places = Vec::new();
    let mut last_is_harmless = true;
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let (op, position) = reader.read_with_offset()?;
        if matches!(op, Operator::Select | Operator::TypedSelect { .. }) && !last_is_harmless {
            places.push(position);
        }
        last_is_harmless = harmless(&op);
    }
    Ok(places)
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    let mut rest = length as u32;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// The function's body, with the instructions put in.
fn push_body(out: &mut Vec<u8>, bytes: &[u8], body: &FunctionBody, places: &[usize]) {
    let range = body.range();
    push_length(out, range.len() + places.len());
    let mut from = range.start;
    for place in places {
        out.extend_from_slice(&bytes[from..*place]);
        out.push(I32_POPCNT);
        from = *place;
    }
    out.extend_from_slice(&bytes[from..range.end]);
}

fn push_section(out: &mut Vec<u8>, id: u8, content: &[u8]) {
    out.push(id);
    push_length(out, content.len());
    out.extend_from_slice(content);
}

fn rewrite(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    const HEADER: usize = 8;
    let mut out = bytes.get(..HEADER).unwrap_or_default().to_vec();
    let mut changed = false;
    let mut code = Vec::new();
    let mut bodies_left = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::CodeSectionStart { count, .. } => {
                push_length(&mut code, count as usize);
                bodies_left = count;
                if count == 0 {
                    push_section(&mut out, CODE_SECTION, &code);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let places = places(&body)?;
                changed |= !places.is_empty();
                push_body(&mut code, bytes, &body, &places);
                bodies_left -= 1;
                if bodies_left == 0 {
                    push_section(&mut out, CODE_SECTION, &code);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    push_section(&mut out, id, &bytes[range]);
                }
            }
        }
    }
    Ok(changed.then_some(out))
}

/// The module as Wasmi translates it rightly. What cannot be read is left to Wasmi to refuse.
pub fn separate(bytes: &[u8]) -> Cow<'_, [u8]> {
    match rewrite(bytes) {
        Ok(Some(rewritten)) => Cow::Owned(rewritten),
        _ => Cow::Borrowed(bytes),
    }
}
