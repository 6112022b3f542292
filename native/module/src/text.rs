//! The text format, and good messages for what is no module at all.

use crate::bounds::{check, Bounds};
use crate::failure::{Failure, Kind};
use std::borrow::Cow;

/// Parsing text takes some 25 times its size in memory, so a byte of it counts as this many of
/// `max_module_size`.
const TEXT_WEIGHT: u64 = 16;

/// Deeper than what any tool writes; the parser itself stops earlier where it recurses.
const MAX_PARENTHESES: usize = 10_000;

const COMPONENT: &str = "this is a component (component model), which is not supported: compile \
                         to a core module instead, for the target wasm32-wasip1";

pub fn to_binary<'a>(bytes: &'a [u8], bounds: &Bounds) -> Result<Cow<'a, [u8]>, Failure> {
    let size = bytes.len() as u64;
    check("max_module_size", "bytes of the module", size, bounds.max_module_size)?;
    if bytes.starts_with(b"\0asm") {
        check_header(bytes)?;
        return Ok(Cow::Borrowed(bytes));
    }
    if let Some(what) = look_alike(bytes) {
        return Err(Failure::invalid(format!("not a WebAssembly module: {what}")));
    }
    let weighed = size.saturating_mul(TEXT_WEIGHT);
    check(
        "max_module_size",
        "16 times the bytes of a text module",
        weighed,
        bounds.max_module_size,
    )?;
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Failure::invalid(format!(
            "not a WebAssembly module: neither the binary format (no \\0asm at its start) nor \
             text (no UTF-8 at offset 0x{:x})",
            error.valid_up_to()
        ))
    })?;
    check_depth(text)?;
    let binary = wat::parse_str(text).map_err(|error| explain(text, &error))?;
    check("max_module_size", "bytes of the module", binary.len() as u64, bounds.max_module_size)?;
    // `(module binary "…")` may hold anything.
    if !binary.starts_with(b"\0asm") {
        return Err(Failure::invalid("the quoted binary module does not start with \\0asm"));
    }
    check_header(&binary)?;
    Ok(Cow::Owned(binary))
}

fn check_header(bytes: &[u8]) -> Result<(), Failure> {
    let Some(header) = bytes.get(4..8) else {
        return Err(Failure::invalid(format!(
            "the module is truncated: its header ends at offset 0x{:x}",
            bytes.len()
        )));
    };
    let version = u16::from_le_bytes([header[0], header[1]]);
    let layer = u16::from_le_bytes([header[2], header[3]]);
    match (version, layer) {
        (1, 0) => Ok(()),
        (_, 1) => Err(Failure::unsupported("component model", COMPONENT)),
        (0x0d, _) => Err(Failure::unsupported("component model", COMPONENT)),
        _ => Err(Failure::invalid(format!(
            "unknown WebAssembly version {version}, layer {layer} at offset 0x4; this is version 1"
        ))),
    }
}

/// Common mistakes, by their first bytes.
fn look_alike(bytes: &[u8]) -> Option<&'static str> {
    const SIGNATURES: &[(&[u8], &str)] = &[
        (b"\x7fELF", "a native ELF program or object; compile for the target wasm32-wasi"),
        (b"\x1f\x8b", "a gzip file; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it first"),
        (b"PK\x03\x04", "a zip archive; unpack it first"),
        (b"#!", "a script"),
        (b"MZ", "a native Windows program; compile for the target wasm32-wasi"),
        (b"\xcf\xfa\xed\xfe", "a native macOS program; compile for the target wasm32-wasi"),
        (b"!<arch>\n", "a static archive; link it into a module first"),
        (b"BC\xc0\xde", "LLVM bitcode; compile it with --target=wasm32-wasi"),
        (b"<!", "a markup document, perhaps the error page of a download"),
        (b"<html", "a markup document, perhaps the error page of a download"),
    ];
    if bytes.is_empty() {
        return Some("the file is empty");
    }
    if bytes.len() < 4 && b"\0asm".starts_with(bytes) {
        return Some("truncated in its first four bytes");
    }
    SIGNATURES.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, what)| *what)
}

/// Bounds the nesting of parentheses before a recursive parser meets it. Strings and comments are
/// skipped only so far as no real module is refused for what they hold.
fn check_depth(text: &str) -> Result<(), Failure> {
    let mut depth = 0usize;
    let mut line = 1u64;
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\n' => line += 1,
            b'"' => line += skip_string(&mut bytes),
            b';' if bytes.peek() == Some(&b';') => {
                bytes.by_ref().find(|b| *b == b'\n');
                line += 1;
            }
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_PARENTHESES {
            return Err(Failure::invalid(format!(
                "more than {MAX_PARENTHESES} nested parentheses at line {line}"
            )));
        }
    }
    Ok(())
}

/// To the closing quote; returns the line ends passed.
fn skip_string(bytes: &mut impl Iterator<Item = u8>) -> u64 {
    let mut lines = 0;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => drop(bytes.next()),
            b'\n' => lines += 1,
            _ => {}
        }
    }
    lines
}

/// The crate draws the place in several lines below the message; one line is wanted here.
fn explain(text: &str, error: &wat::Error) -> Failure {
    let drawn = error.to_string();
    let (message, place) = drawn.split_once("\n     --> ").unwrap_or((&drawn, ""));
    let place = place.lines().next().unwrap_or("");
    let mut numbers = place.rsplit(':');
    let column = numbers.next().and_then(|n| n.parse::<u64>().ok());
    let line = numbers.next().and_then(|n| n.parse::<u64>().ok());
    let place = match (line, column) {
        (Some(line), Some(column)) => format!(" at line {line}, column {column}"),
        _ => String::new(),
    };
    if is_component(text) {
        return Failure::unsupported("component model", COMPONENT);
    }
    Failure::new(Kind::Invalid, format!("text format: {}{place}", message.trim()))
}

/// Whether the text starts with `(component`, after blanks and comments.
fn is_component(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        if let Some(line) = rest.strip_prefix(";;") {
            rest = line.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(block) = rest.strip_prefix("(;") {
            rest = block.split_once(";)").map_or("", |(_, after)| after).trim_start();
        } else {
            break;
        }
    }
    rest.strip_prefix('(').is_some_and(|list| list.trim_start().starts_with("component"))
}
