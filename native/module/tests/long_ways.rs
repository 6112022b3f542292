//! Where an engine counts by itself, at entries and loop heads, long ways get loops to do it at.

use wasmparser::{Operator, Parser, Payload, Validator};
use wsb_native_module::{process, Options, FEATURES};

/// How many loops the first body has, in the module as it is transformed.
fn loops(text: &str) -> usize {
    let done = process(text.as_bytes(), &Options::default()).ok().expect(text);
    Validator::new_with_features(FEATURES).validate_all(&done.module).expect("a valid output");
    let body = Parser::new(0).parse_all(&done.module).find_map(|one| match one.unwrap() {
        Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    let operators = body.unwrap().get_operators_reader().unwrap().into_iter();
    operators.filter(|one| matches!(one, Ok(Operator::Loop { .. }))).count()
}

fn function(body: &str) -> String {
    format!("(module (memory 1) (func (param i32) (local i32) {body}))")
}

const FOUR: &str = " (local.set 1 (i32.add (local.get 0) (local.get 1)))";

#[test]
fn a_long_way_has_checks() {
    assert_eq!(loops(&function(&FOUR.repeat(249))), 0);
    assert_eq!(loops(&function(&FOUR.repeat(251))), 1);
    assert_eq!(loops(&function(&FOUR.repeat(1_000))), 4);
    // With values on the stack, and behind a call that may take long to return.
    let loads = " i32.load".repeat(4_000);
    assert_eq!(loops(&function(&format!("(local.set 1 (local.get 0) {loads})"))), 4);
}

#[test]
fn short_ways_have_none() {
    // A case each of a switch, and what is not reached.
    let case = FOUR.repeat(50);
    let cases = format!("(block (br_if 0 (local.get 0)) {case} (return))").repeat(20);
    assert_eq!(loops(&function(&cases)), 0);
    assert_eq!(loops(&function(&format!("(return) {}", FOUR.repeat(1_000)))), 0);
    let iteration = format!("(loop {case} (br_if 0 (local.get 0)))");
    assert_eq!(loops(&function(&iteration.repeat(3))), 3);
}
