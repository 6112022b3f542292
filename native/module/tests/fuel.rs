//! Fuel by the model of Wasmtime 48: totals worked out by hand.

mod engine;

use engine::{run, FUELED};
use wasmi::Val;

/// The fuel that a call of "run" takes.
fn fuel(text: &str, arguments: &[Val]) -> i64 {
    let mut guest = run(text, FUELED);
    guest.call("run", arguments).unwrap_or_else(|error| panic!("{error}\n{text}"));
    guest.used()
}

fn body(code: &str) -> i64 {
    let text = format!(
        r#"(module (import "a" "f" (func $f)) (memory 10) (table $t 10 funcref)
            (data $d "0123456789") (elem $e func $g $g $g)
            (func $g) (func (export "run") (local i32) {code}))"#
    );
    fuel(&text, &[])
}

#[test]
fn operators_take_one_and_some_nothing() {
    assert_eq!(body(""), 1, "the entry");
    assert_eq!(body("nop nop (block) (loop) return"), 1);
    assert_eq!(body("(drop (i32.add (i32.const 1) (i32.const 2)))"), 1 + 3);
    assert_eq!(body("(local.set 0 (i32.const 1)) (br 0) (drop (i32.const 1))"), 1 + 3);
}

#[test]
fn only_the_way_taken_counts() {
    assert_eq!(body("(if (i32.const 1) (then (local.set 0 (i32.const 1))))"), 1 + 2 + 2);
    assert_eq!(body("(if (i32.const 0) (then (local.set 0 (i32.const 1))))"), 1 + 2);
    let arms = "(then (local.set 0 (i32.const 1))) (else (drop (i32.const 2)))";
    assert_eq!(body(&format!("(if (i32.const 1) {arms})")), 1 + 2 + 2);
    assert_eq!(body(&format!("(if (i32.const 0) {arms})")), 1 + 2 + 1);
    assert_eq!(body("(block (br_if 0 (i32.const 1)) (drop (i32.const 1)))"), 1 + 2);
    assert_eq!(body("(block (br_if 0 (i32.const 0)) (drop (i32.const 1)))"), 1 + 3);
    let table = "(block (block (br_table 0 1 (i32.const 1))) (drop (i32.const 1)) (br 0))";
    assert_eq!(body(table), 1 + 2);
    assert_eq!(body(&table.replace("(i32.const 1)))", "(i32.const 0)))")), 1 + 4);
}

#[test]
fn loops_count_each_time() {
    // local.get, const, sub, tee, br_if
    let code = "(local.set 0 (i32.const 10))
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))";
    assert_eq!(body(code), 1 + 2 + 10 * 5);
}

#[test]
fn calls_take_one_and_the_entry() {
    assert_eq!(body("call $g"), 1 + 1 + 1);
    assert_eq!(body("call $f"), 1 + 1, "the host's take nothing");
    assert_eq!(body("(return_call $g)"), 1 + 1 + 1);
    assert_eq!(
        body("(table.set $t (i32.const 0) (ref.func $g)) (call_indirect $t (i32.const 0))"),
        1 + 3 + 2 + 1
    );
}

#[test]
fn long_operators_take_their_length() {
    for (length, taken) in [(0, 0), (100, 100), (128, 128), (129, 129), (5_000, 5_000)] {
        let three = |op: &str| format!("({op} (i32.const 0) (i32.const 0) (i32.const {length}))");
        assert_eq!(body(&three("memory.fill")), 1 + 4 + taken, "{length}");
        assert_eq!(body(&three("memory.copy")), 1 + 4 + taken, "{length}");
        let known = format!(
            "(local.set 0 (i32.const {length}))
            (memory.fill (i32.const 0) (i32.const 0) (local.get 0))"
        );
        assert_eq!(body(&known), 1 + 6 + taken, "{length}");
    }
    assert_eq!(body("(memory.init $d (i32.const 0) (i32.const 2) (i32.const 7))"), 1 + 4 + 7);
    assert_eq!(body("(table.init $t $e (i32.const 0) (i32.const 1) (i32.const 2))"), 1 + 4 + 2);
    assert_eq!(body("(table.fill $t (i32.const 0) (ref.null func) (i32.const 9))"), 1 + 4 + 9);
    assert_eq!(body("(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 4))"), 1 + 4 + 4);
    assert_eq!(body("(data.drop $d) (elem.drop $e)"), 1 + 2);
}

#[test]
fn growth_takes_the_same_with_a_limit_as_without() {
    // const, call; the function's entry, its seven operators; drop.
    assert_eq!(body("(drop (memory.grow (i32.const 1)))"), 1 + 2 + 1 + 7);
    // Refused by the limit (100) and by the engine alike.
    assert_eq!(body("(drop (memory.grow (i32.const 200)))"), 1 + 2 + 1 + 7 + 4);
    assert_eq!(body("(drop (memory.grow (i32.const -1)))"), 1 + 2 + 1 + 7 + 4);
    // ref.null, const, table.grow, and its elements, refused or not.
    assert_eq!(body("(drop (table.grow $t (ref.null func) (i32.const 20)))"), 1 + 3 + 20);
    assert_eq!(body("(drop (table.grow $t (ref.null func) (i32.const 2000)))"), 1 + 3 + 2_000);
}

#[test]
fn a_guest_that_runs_out_of_its_slice_asks_and_goes_on() {
    let text = r#"(module (func (export "run") (param i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;
    let total = fuel(text, &[Val::I32(10_000)]);
    assert_eq!(total, 1 + 50_000);
    for slice in [1, 7, 100, 49_999, 50_001] {
        let mut guest = run(text, FUELED);
        guest.store.data_mut().grant = slice;
        guest.call("run", &[Val::I32(10_000)]).expect("no trap");
        assert_eq!(guest.used(), total, "slices of {slice}");
        assert!(guest.store.data().left <= 0, "asked with something left");
    }
}
