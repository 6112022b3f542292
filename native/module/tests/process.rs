//! What a user of wsbn_process() would notice, on handwritten modules.

use wasmparser::{ExternalKind, Operator, Parser, Payload, Validator};
use wsb_native_module::{process, Failure, Kind, Options, Output, FEATURES};

fn run(text: &str) -> Result<Output, Failure> {
    process(text.as_bytes(), &Options::default())
}

fn good(text: &str) -> Output {
    let output = run(text).unwrap_or_else(|failure| panic!("{failure:?}\n{text}"));
    validate(&output.module);
    output
}

fn bad(text: &str) -> Failure {
    run(text).err().unwrap_or_else(|| panic!("accepted: {text}"))
}

fn validate(module: &[u8]) {
    Validator::new_with_features(FEATURES).validate_all(module).expect("a valid output");
}

fn exports(module: &[u8]) -> Vec<(String, ExternalKind, u32)> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(reader) = payload.unwrap() {
            for export in reader {
                let export = export.unwrap();
                found.push((export.name.to_string(), export.kind, export.index));
            }
        }
    }
    found
}

fn export(module: &[u8], name: &str) -> Option<(ExternalKind, u32)> {
    exports(module).into_iter().find(|one| one.0 == name).map(|one| (one.1, one.2))
}

/// By body: how many memory.grow, and the functions called.
fn grows_and_calls(module: &[u8]) -> Vec<(usize, Vec<u32>)> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::CodeSectionEntry(body) = payload.unwrap() {
            let mut grows = 0;
            let mut calls = Vec::new();
            for operator in body.get_operators_reader().unwrap() {
                match operator.unwrap() {
                    Operator::MemoryGrow { .. } => grows += 1,
                    Operator::Call { function_index } => calls.push(function_index),
                    _ => {}
                }
            }
            found.push((grows, calls));
        }
    }
    found
}

fn has_section(module: &[u8], id: u8) -> bool {
    Parser::new(0)
        .parse_all(module)
        .any(|payload| payload.unwrap().as_section().is_some_and(|one| one.0 == id))
}

fn custom_sections(module: &[u8]) -> Vec<String> {
    Parser::new(0)
        .parse_all(module)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) => Some(section.name().to_string()),
            _ => None,
        })
        .collect()
}

#[test]
fn an_empty_module_stays_one() {
    assert_eq!(good("(module)").module, b"\0asm\x01\0\0\0");
}

#[test]
fn the_start_function_is_exported_instead() {
    let output = good("(module (func) (func $s) (start $s))");
    assert!(!has_section(&output.module, 8));
    assert_eq!(export(&output.module, "wsb:start"), Some((ExternalKind::Func, 1)));
    let imported = good(r#"(module (import "a" "b" (func $s)) (start $s))"#);
    assert_eq!(export(&imported.module, "wsb:start"), Some((ExternalKind::Func, 0)));
}

#[test]
fn the_memory_is_always_exported_under_our_name() {
    for text in [
        "(module (memory 1))",
        r#"(module (memory (export "memory") 1 2))"#,
        r#"(module (import "env" "memory" (memory 1)))"#,
        r#"(module (memory i64 1) (data (i32.const 0) "") )"#,
    ] {
        if let Ok(output) = run(text) {
            assert_eq!(export(&output.module, "wsb:memory"), Some((ExternalKind::Memory, 0)));
        }
    }
    assert!(export(&good("(module)").module, "wsb:memory").is_none());
}

#[test]
fn every_memory_grow_goes_through_the_helper() {
    let output = good(
        r#"(module
            (import "a" "f" (func))
            (type (func (param f32)))
            (global i32 (i32.const 7))
            (memory 1)
            (table 2 funcref) (elem (i32.const 0) func 1 2)
            (func (export "two") (result i32)
                block end
                (i32.add (memory.grow (i32.const 1)) (memory.grow (i32.const 64))))
            (func (drop (i32.const 64)) (drop (i32.const 0x40)))
            (func (drop (memory.grow (i32.const 0))) call 0)
            (data (i32.const 0) "\40\00"))"#,
    );
    let bodies = grows_and_calls(&output.module);
    assert_eq!(
        bodies,
        [(0, vec![4, 4]), (0, vec![]), (0, vec![4, 0]), (1, vec![])],
        "only the helper, appended, grows"
    );
    assert_eq!(export(&output.module, "wsb:grow_refused"), Some((ExternalKind::Global, 1)));
    let without = good("(module (memory 1) (func (drop (memory.size))))");
    assert!(export(&without.module, "wsb:grow_refused").is_none());
}

#[test]
fn a_64_bit_memory_gets_a_64_bit_helper() {
    let output = good("(module (memory i64 1) (func (drop (memory.grow (i64.const 1)))))");
    assert_eq!(grows_and_calls(&output.module), [(0, vec![1]), (1, vec![])]);
}

#[test]
fn an_existing_type_is_used_for_the_helper() {
    let output = good(
        "(module (type (func)) (type (func (param i32) (result i32))) (memory 1)
            (func (type 1) (memory.grow (local.get 0))))",
    );
    let mut types = 0;
    for payload in Parser::new(0).parse_all(&output.module) {
        if let Payload::TypeSection(reader) = payload.unwrap() {
            types = reader.count();
        }
    }
    assert_eq!(types, 2);
}

#[test]
fn many_grows_and_long_calls_keep_the_module_valid() {
    // 20,000 functions make the helper's index three bytes long; sizes of bodies change theirs.
    let mut text = String::from("(module (memory 1)");
    for index in 0..20_000 {
        let body = if index % 3 == 0 {
            "(drop (memory.grow (i32.const 1)))".repeat(index % 50)
        } else {
            String::new()
        };
        text.push_str(&format!("(func {body})"));
    }
    text.push(')');
    let output = good(&text);
    let bodies = grows_and_calls(&output.module);
    assert_eq!(bodies.len(), 20_001);
    assert_eq!(bodies.iter().map(|one| one.0).sum::<usize>(), 1);
    assert_eq!(bodies[51].1.len(), 51 % 50);
}

#[test]
fn unchanged_bodies_are_copied_as_they_are() {
    let binary =
        wat::parse_str("(module (func (result i32) i32.const 5 i32.const 6 i32.add))").unwrap();
    let output = process(&binary, &Options::default()).unwrap();
    assert_eq!(output.module, binary);
}

#[test]
fn reserved_exports_are_refused() {
    let failure = bad(r#"(module (func (export "wsb:start")))"#);
    assert_eq!(failure.kind, Kind::Invalid);
    assert!(failure.message.contains("reserved"), "{}", failure.message);
}

#[test]
fn proposals_that_are_off_are_named() {
    for (text, name) in [
        ("(module (memory 1 1 shared))", "threads"),
        ("(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))", "threads"),
        ("(module (memory 1) (memory 1))", "multi-memory"),
        ("(module (type (struct (field i32))))", "gc"),
        ("(module (func (drop (ref.i31 (i32.const 1)))))", "gc"),
        ("(module (tag $t) (func try catch $t end))", "legacy-exceptions"),
        (
            "(module (type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0))))",
            "function-references",
        ),
        ("(module (memory 1 (pagesize 1)))", "custom-page-sizes"),
        (
            "(module (func (param i64) (result i64 i64) local.get 0 local.get 0 i64.mul_wide_s))",
            "wide-arithmetic",
        ),
        ("(module (type $f (func)) (type $c (cont $f)))", "stack-switching"),
        (
            "(module (memory 1) (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))",
            "threads, multi-memory",
        ),
    ] {
        let failure = bad(text);
        assert_eq!(
            (failure.kind, failure.subject.as_str()),
            (Kind::Unsupported, name),
            "{text}: {}",
            failure.message
        );
        assert!(failure.message.contains("offset 0x"), "{}", failure.message);
    }
}

#[test]
fn what_is_on_passes() {
    for text in [
        "(module (func (result i32 i64) i32.const 1 i64.const 2))",
        "(module (func (param f32) (drop (i32.trunc_sat_f32_s (local.get 0)))))",
        "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))",
        "(module (func (result v128) (v128.const i32x4 1 2 3 4)))",
        "(module (func (param v128 v128) (result v128) (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))",
        "(module (func $f (return_call $f)))",
        "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        "(module (memory i64 1) (func (drop (i32.load (i64.const 0)))))",
        "(module (table 1 externref) (func (result externref) (table.get (i32.const 0))))",
        "(module (func $f) (elem declare func $f) (func (drop (ref.func $f))))",
        r#"(module (global (export "g") (mut i32) (i32.const 1)))"#,
    ] {
        good(text);
    }
}

#[test]
fn components_are_named() {
    for bytes in
        [&b"\0asm\x0d\0\x01\0"[..], b"(component)", b";; x\n(; y ;) ( component (core module))"]
    {
        let failure = process(bytes, &Options::default()).err().unwrap();
        assert_eq!(
            (failure.kind, failure.subject.as_str()),
            (Kind::Unsupported, "component model")
        );
        assert!(failure.message.contains("wasip1"));
    }
}

#[test]
fn look_alikes_are_named() {
    for (bytes, word) in [
        (&b""[..], "empty"),
        (b"\0as", "truncated"),
        (b"\0asm", "truncated"),
        (b"\x7fELF\x02\x01\x01", "ELF"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"#!/bin/sh\n", "script"),
        (b"PK\x03\x04", "zip"),
        (b"<!DOCTYPE html>", "markup"),
        (b"\0asm\x02\0\0\0", "version 2"),
        (b"\xff\xfe(module)", "UTF-8"),
    ] {
        let failure = process(bytes, &Options::default()).err().unwrap();
        assert_eq!(failure.kind, Kind::Invalid);
        assert!(failure.message.contains(word), "{}", failure.message);
    }
}

#[test]
fn text_errors_have_line_and_column() {
    let failure = bad("(module\n  (func\n    i32.ad))");
    assert_eq!(failure.kind, Kind::Invalid);
    assert!(failure.message.ends_with("at line 3, column 5"), "{}", failure.message);
    assert!(!failure.message.contains('\n'), "{}", failure.message);
    let failure = bad("(module (func call $nowhere))");
    assert!(failure.message.contains("nowhere") && failure.message.contains("line 1"));
}

#[test]
fn deep_text_is_refused_and_does_not_overflow_the_stack() {
    let deep = "(".repeat(1_000_000);
    assert!(bad(&deep).message.contains("nested"));
    let strings = format!("(module (func (export \"{}\")))", "(".repeat(50_000));
    good(&strings);
    // What the depth check lets through must be safe in the parser too, on a small stack.
    let folded =
        format!("(module (func {} i32.const 1 {}))", "(i32.eqz ".repeat(9_000), ")".repeat(9_000));
    let blocks = format!("(module (func {} {}))", "(block ".repeat(9_000), ")".repeat(9_000));
    let types = format!("(module {} {})", "(func (type ".repeat(4_000), "))".repeat(4_000));
    let comments = "(;".repeat(1_000_000);
    let work = move || [folded, blocks, types, comments].map(|text| run(&text).err());
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(work).unwrap();
    let [folded, blocks, types, comments] = thread.join().unwrap();
    assert!(folded.is_some(), "leaves a value");
    assert_eq!(blocks.unwrap().subject, "max_nesting");
    assert!(types.is_some() && comments.is_some());
}

#[test]
fn conventions_are_read_and_checked() {
    let with = |records: &str| {
        run(&format!(
            r#"(module (@custom "wasm_sandbox" "{records}")
                (func (export "f") (param i32 i32) (result i64) i64.const 0)
                (func (export "g") (param f64)))"#
        ))
    };
    for records in [
        "",
        "1:f:buffer:json\\00",
        "\\00\\001:f:buffer:msgpack\\00\\001:g:scalar:-\\00",
        "1:f:buffer:bytes\\001:f:buffer:bytes\\00",
    ] {
        let output = with(records).unwrap_or_else(|failure| panic!("{records}: {failure:?}"));
        assert!(custom_sections(&output.module).is_empty());
    }
    for (records, word) in [
        ("1:f:buffer:json", "malformed"),
        ("2:f:buffer:json\\00", "malformed"),
        ("1:f:buffer:-\\00", "malformed"),
        ("1:f:queue:json\\00", "malformed"),
        ("1::scalar:-\\00", "malformed"),
        ("1:\\ff:scalar:-\\00", "malformed"),
        ("1:h:scalar:-\\00", "not an exported function"),
        ("1:g:buffer:json\\00", "(i32, i32) -> i64"),
        ("1:f:buffer:json\\001:f:scalar:-\\00", "twice"),
    ] {
        let failure = with(records).err().expect(records);
        assert_eq!(failure.kind, Kind::Invalid);
        assert!(failure.message.contains(word), "{records}: {}", failure.message);
    }
}

#[test]
fn useless_custom_sections_are_dropped() {
    let output = good(
        r#"(module $m (@custom ".debug_info" "x") (@custom "producers" "") (@custom "mine" "x")
            (@custom "sourceMappingURL" "x") (@custom "metadata.code.branch_hint" "x")
            (memory 1) (func $f (drop (memory.grow (i32.const 1)))))"#,
    );
    assert_eq!(custom_sections(&output.module), ["mine", "name"]);
}

#[test]
fn truncated_at_every_byte_is_an_error() {
    let binary = wat::parse_str(
        r#"(module (import "a" "b" (func)) (memory 1) (table 1 funcref) (global i32 (i32.const 0))
            (func $s (drop (memory.grow (i32.const 1)))) (start $s) (elem (i32.const 0) func $s)
            (data (i32.const 0) "abc"))"#,
    )
    .unwrap();
    let mut accepted = 0;
    for end in 0..binary.len() {
        match process(&binary[..end], &Options::default()) {
            // What ends between two sections can be a module of its own.
            Ok(output) => {
                validate(&output.module);
                accepted += 1;
            }
            Err(failure) => assert_eq!(failure.kind, Kind::Invalid, "at {end}: {failure:?}"),
        }
    }
    assert!(accepted <= 5, "{accepted}");
    let cut = process(&binary[..binary.len() - 1], &Options::default()).err().unwrap();
    assert!(cut.message.contains("truncated"), "{}", cut.message);
}

#[test]
fn flipped_bytes_never_panic_and_never_give_an_invalid_module() {
    let binary = wat::parse_str(
        r#"(module (import "a" "b" (func)) (memory 1) (table 1 funcref) (global i32 (i32.const 0))
            (func $s (drop (memory.grow (i32.const 1)))) (start $s) (elem (i32.const 0) func $s)
            (data (i32.const 0) "abc"))"#,
    )
    .unwrap();
    for at in 0..binary.len() {
        for value in 0..=255 {
            let mut changed = binary.clone();
            changed[at] = value;
            for add in [0, 7, 11] {
                match process(&changed, &Options { add, ..Options::default() }) {
                    Ok(output) => validate(&output.module),
                    Err(failure) => assert_ne!(failure.kind, Kind::Internal, "{failure:?}"),
                }
            }
        }
    }
}
