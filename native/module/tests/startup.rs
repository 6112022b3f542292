//! What engines compute when they make an instance is bounded, as entries of element segments.

use wsb_native_module::{process, Bounds, Failure, Options};

fn refused(text: &str, bounds: Bounds) -> Option<Failure> {
    process(text.as_bytes(), &Options { bounds, ..Options::default() }).err()
}

/// Whether it counts as exactly that many.
fn counts_as(text: &str, count: u64) {
    let bounds = Bounds { max_elements: count, ..Bounds::default() };
    assert!(refused(text, bounds).is_none(), "{text}");
    if count > 0 {
        let bounds = Bounds { max_elements: count - 1, ..Bounds::default() };
        let failure = refused(text, bounds).expect(text);
        assert_eq!((failure.subject.as_str(), failure.used), ("max_elements", count), "{text}");
    }
}

#[test]
fn what_is_laid_out_in_advance_counts_once() {
    counts_as("(module (table 4 funcref) (func $f) (elem (i32.const 2) $f $f))", 2);
    counts_as("(module (func $f) (elem declare func $f $f $f))", 3);
    counts_as(r#"(module (memory 1) (data (i32.const 0) "a") (data "b"))"#, 0);
    counts_as("(module (global i32 (i32.const 0)) (global externref (ref.null extern)))", 0);
}

#[test]
fn elements_that_take_code_count_more() {
    counts_as("(module (func $f) (elem func $f $f))", 2 + 400 + 200);
    // A place that is computed, outside the table, or beyond what is laid out.
    let places = [
        ("1", "(i32.add (i32.const 0) (i32.const 0))", 300),
        ("1", "(i32.const 1)", 100),
        ("3_000_000", "(i32.const 1_048_576)", 100),
    ];
    for (size, place, cost) in places {
        let text = format!("(module (table {size} funcref) (func $f) (elem (offset {place}) $f))");
        counts_as(&text, 1 + 400 + cost + 100);
    }
    // What follows it is not laid out either.
    let text = "(module (table 2 funcref) (func $f) (elem (i32.const 0) $f)
        (elem (i32.const 0) funcref (ref.func $f)) (elem (i32.const 0) $f))";
    counts_as(text, 3 + 2 * (400 + 100 + 100));
}

#[test]
fn one_data_segment_makes_all_of_them_count() {
    let text = r#"(module (memory 1) (data (i32.const 0) "a")
        (data (offset (i32.add (i32.const 0) (i32.const 1))) "b"))"#;
    counts_as(text, 2 * 400 + 100 + 300);
    counts_as(r#"(module (memory 1) (data (i32.const 65536) "a"))"#, 500);
    let sparse =
        r#"(module (memory 1024) (data (i32.const 0) "a") (data (i32.const 33554432) "b"))"#;
    counts_as(sparse, 1_000);
}

#[test]
fn globals_that_are_computed_count() {
    counts_as("(module (func $f) (global funcref (ref.func $f)))", 100);
    counts_as("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))", 300);
}

/// Whatever the bounds: engines end the process beyond them.
#[test]
fn lifted_bounds_leave_what_no_engine_survives() {
    let lifted = Bounds { max_nesting: u64::MAX, max_globals: u64::MAX, ..Bounds::default() };
    let sum = |count| {
        let terms = " i32.const 1 i32.add".repeat(count);
        format!("(module (global i32 i32.const 0{terms}))")
    };
    assert!(refused(&sum(499), lifted).is_none());
    assert_eq!(refused(&sum(500), lifted).unwrap().subject, "max_nesting");
    let globals = format!("(module {})", "(global i32 (i32.const 0))".repeat(50_001));
    assert_eq!(refused(&globals, lifted).unwrap().subject, "max_globals");
}
