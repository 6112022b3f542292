//! What names functions and places in them follows when they move.

mod engine;

use engine::{transform, EVERYTHING, FUELED};
use wasm_encoder::{BranchHint, BranchHints, Encode, SectionId};
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload};
use wsb_native_module::{process, Options};

fn function_names(binary: &[u8]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CustomSection(section) = payload.unwrap() else { continue };
        let KnownCustom::Name(names) = section.as_known() else { continue };
        for part in names {
            if let Name::Function(map) = part.unwrap() {
                found.extend(map.into_iter().map(|one| {
                    let one = one.unwrap();
                    (one.index, one.name.to_string())
                }));
            }
        }
    }
    found
}

#[test]
fn names_of_functions_follow() {
    let text = r#"(module $m (import "a" "f" (func $imported)) (func $first (param $p i32)
        (local $l i32) (block $label)) (func $second))"#;
    let named = |list: &[(u32, &str)]| -> Vec<(u32, String)> {
        list.iter().map(|(index, name)| (*index, name.to_string())).collect()
    };
    let plain = transform(text.as_bytes(), 0);
    assert_eq!(function_names(&plain), named(&[(0, "imported"), (1, "first"), (2, "second")]));
    for add in [EVERYTHING, FUELED] {
        let moved = transform(text.as_bytes(), add);
        assert_eq!(function_names(&moved), named(&[(0, "imported"), (2, "first"), (3, "second")]));
        let text = wat_names(&moved);
        assert_eq!(text, [(2, vec![(0, "p".to_string()), (1, "l".to_string())])]);
    }
}

/// Names of locals, by function.
fn wat_names(binary: &[u8]) -> Vec<(u32, Vec<(u32, String)>)> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CustomSection(section) = payload.unwrap() else { continue };
        let KnownCustom::Name(names) = section.as_known() else { continue };
        for part in names {
            match part.unwrap() {
                Name::Local(map) => found.extend(map.into_iter().map(|one| {
                    let one = one.unwrap();
                    let locals = one.names.into_iter().map(|one| one.unwrap());
                    (one.index, locals.map(|one| (one.index, one.name.to_string())).collect())
                })),
                Name::Label(_) => panic!("blocks were added"),
                _ => {}
            }
        }
    }
    found
}

/// By function: the offsets of conditional branches in its body.
fn branches(binary: &[u8]) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        let start = body.range().start;
        let mut places = Vec::new();
        let mut reader = body.get_operators_reader().unwrap();
        while !reader.eof() {
            let (operator, at) = reader.read_with_offset().unwrap();
            if matches!(operator, Operator::BrIf { .. } | Operator::If { .. }) {
                places.push((at - start) as u32);
            }
        }
        found.push(places);
    }
    found
}

fn hints(binary: &[u8]) -> Vec<(u32, Vec<(u32, bool)>)> {
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CustomSection(section) = payload.unwrap() else { continue };
        let KnownCustom::BranchHints(reader) = section.as_known() else { continue };
        for function in reader {
            let function = function.unwrap();
            let hints = function.hints.into_iter().map(|hint| hint.unwrap());
            found.push((function.func, hints.map(|one| (one.func_offset, one.taken)).collect()));
        }
    }
    found
}

/// The module with a section before its code.
fn with_hints(binary: &[u8], section: &BranchHints) -> Vec<u8> {
    let code = Parser::new(0)
        .parse_all(binary)
        .find_map(|payload| match payload.unwrap() {
            Payload::CodeSectionStart { unchecked_range, .. } => Some(unchecked_range.start),
            _ => None,
        })
        .unwrap() as usize;
    // Its id and a size of one byte.
    let code = code - 2;
    let mut out = binary[..code].to_vec();
    SectionId::Custom.encode(&mut out);
    section.encode(&mut out);
    out.extend_from_slice(&binary[code..]);
    out
}

#[test]
fn branch_hints_follow() {
    let binary = wat::parse_str(
        r#"(module (import "a" "f" (func $f)) (memory 1)
            (func (param i32) (block (br_if 0 (local.get 0)) (call $f)))
            (func)
            (func (param i32) (drop (memory.grow (i32.const 1)))
                (if (local.get 0) (then (drop (memory.grow (i32.const 1)))))
                (loop (br_if 0 (local.get 0)))))"#,
    )
    .unwrap();
    let places = branches(&binary);
    let hint =
        |at: u32, taken: u32| BranchHint { branch_func_offset: at, branch_hint_value: taken };
    let mut section = BranchHints::new();
    section.function_hints(1, [hint(places[0][0], 1)]);
    section.function_hints(3, [hint(places[2][0], 0), hint(places[2][1], 1)]);
    let binary = with_hints(&binary, &section);
    for (add, moved) in [(0, 0), (EVERYTHING, 1), (FUELED, 1)] {
        let output = process(&binary, &Options { add, ..Options::default() }).unwrap().module;
        let found = hints(&output);
        assert_eq!(found.iter().map(|one| one.0).collect::<Vec<_>>(), [1 + moved, 3 + moved]);
        let now = branches(&output);
        for (function, hints) in &found {
            for (at, _) in hints {
                assert!(now[(function - 1 - moved) as usize].contains(at), "add {add}: {at}");
            }
        }
        // The second of the function's own branches stays the last one in it.
        assert_eq!(found[1].1[1], (*now[2].last().unwrap(), true), "add {add}");
        assert_eq!((found[0].1[0].1, found[1].1[0].1), (true, false));
    }
}
