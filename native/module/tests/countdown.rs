//! However a guest runs on, it asks for another budget soon.

mod engine;

use engine::{instantiate, run, transform, Guest, EVERYTHING, FUELED};
use wasmi::Val;

const GRANT: i64 = 20_000;
/// What the engine itself counts for a unit of the budget: what was inserted runs too, and code
/// that nothing reaches counts.
const OVERHEAD: u64 = 30;
/// What a frame may have taken and not used: see docs/internals/module.md.
const FRAME: u64 = 7_000;
/// Operators for one of a guest's own count.
const WORK: i64 = 4;
/// Frames of this engine's stack.
const DEPTH: u64 = 1_000;

fn call(text: &str, add: u32, most_ticks: u64) -> (Guest, bool) {
    let mut guest = run(text, add);
    guest.store.data_mut().grant = GRANT;
    guest.store.data_mut().most_ticks = most_ticks;
    let ended = guest.call("run", &[]).is_err();
    (guest, ended)
}

/// Runs for ever, unless a tick ends it.
fn endless(what: &str, text: &str) {
    for add in [EVERYTHING, FUELED] {
        let (guest, ended) = call(text, add, 200);
        assert!(ended, "{what}");
        let host = guest.store.data();
        assert_eq!(host.ticks, 201, "{what}: ended by something else");
        let most = OVERHEAD * (GRANT as u64 + FRAME);
        assert!(host.longest <= most, "{what}: {} of {most}", host.longest);
    }
}

#[test]
fn endless_loops_tick() {
    endless("the shortest", r#"(module (func (export "run") (loop (br 0))))"#);
    endless("by br_if", r#"(module (func (export "run") (loop (br_if 0 (i32.const 1)))))"#);
    endless(
        "by br_table, out of a nest",
        r#"(module (func (export "run") (local i32)
            (loop $l (block (block (block
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))
                (br_table $l 0 1 2 $l (i32.and (local.get 0) (i32.const 7)))))) (br $l))))"#,
    );
    endless(
        "with parameters and results",
        r#"(module (func (export "run") (i32.const 1) (i64.const 2)
            (loop $l (param i32 i64) (result i64 i32)
                (drop) (drop) (i32.const 3) (i64.const 4) (br $l)) drop drop))"#,
    );
    endless(
        "around a loop that ends at once",
        r#"(module (func (export "run") (local i32) (loop $o
            (local.set 0 (i32.const 3))
            (loop $i (br_if $i (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (br $o))))"#,
    );
    endless(
        "from within an if",
        r#"(module (func (export "run") (loop $l (if (i32.const 1) (then (br $l)) (else nop)))))"#,
    );
    endless(
        "past code that nothing reaches",
        r#"(module (func (export "run") (loop $l (br $l) (loop (br 0)) (drop (i32.add)) (br $l))))"#,
    );
}

#[test]
fn endless_calls_tick() {
    endless("tail calls", r#"(module (func $f (export "run") (return_call $f)))"#);
    endless(
        "tail calls of each other through a table",
        r#"(module (type $t (func)) (table funcref (elem $a $b))
            (func $a (export "run") (return_call_indirect (type $t) (i32.const 1)))
            (func $b (return_call_indirect (type $t) (i32.const 0))))"#,
    );
    endless(
        "short loops in many functions",
        r#"(module
            (func $s (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "run") (loop (call $s (i32.const 2)) (call $s (i32.const 5)) (br 0))))"#,
    );
    endless(
        "calls of the host",
        r#"(module (import "a" "b" (func $h)) (func (export "run") (loop (call $h) (br 0))))"#,
    );
    endless(
        "recursion that branches",
        r#"(module (func $f (param i32) (if (local.get 0) (then
            (call $f (i32.sub (local.get 0) (i32.const 1)))
            (call $f (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "run") (loop (call $f (i32.const 60)) (br 0))))"#,
    );
    endless(
        "recursion through a table",
        r#"(module (type $t (func (param i32))) (table funcref (elem $f))
            (func $f (param i32) (if (local.get 0) (then
                (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
                (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))))
            (func (export "run") (loop (call $f (i32.const 60)) (br 0))))"#,
    );
}

#[test]
fn deep_recursion_ticks_before_the_stack_ends() {
    let text = format!(
        r#"(module (global $g (export "work") (mut i64) (i64.const 0))
            (func $f (export "run") {} (call $f)))"#,
        "(global.set $g (i64.add (global.get $g) (i64.const 1)))".repeat(100)
    );
    for add in [EVERYTHING, FUELED] {
        let (guest, ended) = call(&text, add, u64::MAX);
        assert!(ended && guest.store.data().ticks > 10);
        let longest = guest.store.data().longest_work;
        assert!(longest * WORK <= GRANT + FRAME as i64, "{longest}");
    }
}

/// Frames have taken for what comes after the call; returning to all of them takes nothing more.
#[test]
fn returning_to_many_frames_ticks() {
    let work = "(global.set $g (i64.add (global.get $g) (i64.const 1)))".repeat(5_000);
    let text = format!(
        r#"(module (global $g (export "work") (mut i64) (i64.const 0))
            (func $f (param i32) (local i32)
                (loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1)))
                    (i32.const 50))))
                (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))
                {work})
            (func (export "run") (call $f (i32.const 900))))"#
    );
    for add in [EVERYTHING, FUELED] {
        let (guest, ended) = call(&text, add, u64::MAX);
        assert!(!ended);
        let host = guest.store.data();
        assert!(host.ticks > 500, "{}", host.ticks);
        let most = GRANT + (FRAME * DEPTH) as i64;
        assert!(host.longest_work * WORK <= most, "{}", host.longest_work);
    }
}

#[test]
fn long_straight_code_ticks() {
    let work = "(global.set $g (i64.add (global.get $g) (i64.const 1)))".repeat(100_000);
    let text = format!(
        r#"(module (global $g (export "work") (mut i64) (i64.const 0)) (func (export "run") {work}))"#
    );
    for add in [EVERYTHING, FUELED] {
        let (guest, ended) = call(&text, add, u64::MAX);
        assert!(!ended && guest.store.data().ticks >= 15, "{}", guest.store.data().ticks);
        let longest = guest.store.data().longest_work;
        assert!(longest * WORK <= GRANT + FRAME as i64, "{longest}");
    }
}

/// 600 times 16 MiB, without any loop or call.
#[test]
fn long_operators_tick() {
    for (field, one) in [
        ("(memory 256)", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0x1000000))"),
        ("(memory 256)", "(memory.copy (i32.const 8) (i32.const 0) (i32.const 0xfffff0))"),
        ("(memory i64 256)", "(memory.fill (i64.const 0) (i32.const 1) (i64.const 0x1000000))"),
        (
            "(table 9000000 funcref)",
            "(table.fill 0 (i32.const 0) (ref.null func) (i32.const 9000000))",
        ),
        (
            "(table 0 funcref) (table 1000000 funcref) (table 1000000 funcref)",
            "(table.copy 1 2 (i32.const 0) (i32.const 0) (i32.const 1000000))",
        ),
        ("(table i64 0 funcref)", "(drop (table.grow 0 (ref.null func) (i64.const -1)))"),
        ("(table 0 funcref)", "(drop (table.grow 0 (ref.null func) (i32.const 1000000)))"),
    ] {
        let text = format!(r#"(module {field} (func (export "run") {}))"#, one.repeat(60));
        for add in [EVERYTHING, FUELED] {
            let (guest, ended) = call(&text, add, u64::MAX);
            assert!(!ended, "{one}");
            assert!(guest.store.data().ticks >= 59, "{one}: {}", guest.store.data().ticks);
        }
    }
}

#[test]
fn growth_of_a_large_memory_ticks() {
    let text = format!(
        r#"(module (memory 90) (func (export "run") {}))"#,
        "(drop (memory.grow (i32.const 0)))".repeat(100)
    );
    let (guest, _) = call(&text, EVERYTHING, u64::MAX);
    assert!(guest.store.data().ticks >= 99);
}

#[test]
fn what_does_little_asks_seldom() {
    let mut guest = run(
        r#"(module (func $fib (export "fib") (param i32) (result i32)
            (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
                (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                    (call $fib (i32.sub (local.get 0) (i32.const 2))))))))"#,
        EVERYTHING,
    );
    assert_eq!(guest.number("fib", &[Val::I32(20)]), 6_765);
    assert_eq!(guest.store.data().ticks, 1);
    assert_eq!(guest.store.data().left, -21, "the first block asks");
}

/// A budget of 1 is enough to go on with, and the loop's allotment is given.
#[test]
fn the_smallest_budget_makes_progress() {
    let text = r#"(module (func (export "run") (result i32) (local i32)
        (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
            (i32.const 5000)))) (local.get 0)))"#;
    for add in [EVERYTHING, FUELED] {
        let mut guest = run(text, add);
        guest.store.data_mut().grant = 1;
        assert_eq!(guest.number("run", &[]), 5_000);
    }
}

#[test]
fn the_import_is_the_last_function_and_moves_the_others() {
    let binary = transform(
        br#"(module (import "a" "f" (func $f (result i32))) (import "a" "g" (global i32))
            (func $own (result i32) (i32.const 41))
            (table 4 funcref) (elem (i32.const 0) $own $f)
            (elem (table 0) (i32.const 2) funcref (item (ref.func $own)) (item (ref.null func)))
            (global funcref (ref.func $own))
            (elem declare func $f $own)
            (func (export "indirect") (param i32) (result i32)
                (call_indirect (result i32) (local.get 0)))
            (func (export "set") (table.set (i32.const 3) (ref.func $own)))
            (func (export "plus") (result i32) (i32.add (call $own) (call $f)))
            (export "own" (func $own)) (export "f" (func $f)))"#,
        EVERYTHING,
    );
    let mut imports = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&binary) {
        if let wasmparser::Payload::ImportSection(reader) = payload.unwrap() {
            imports.extend(reader.into_imports().map(|one| one.unwrap().name.to_string()));
        }
    }
    assert_eq!(imports, ["f", "g", "tick"]);
}

#[test]
fn references_to_functions_follow() {
    let text = r#"(module (import "a" "f" (func $f (result i32)))
            (func $own (result i32) (i32.const 41))
            (table $t 4 funcref) (elem (table $t) (i32.const 0) func $own $f)
            (elem (table $t) (i32.const 2) funcref (item (ref.func $own)) (item (ref.null func)))
            (global $g funcref (ref.func $own))
            (elem declare func $f $own)
            (func (export "indirect") (param i32) (result i32)
                (call_indirect $t (result i32) (local.get 0)))
            (func (export "set") (table.set $t (i32.const 3) (ref.func $own)))
            (func (export "global") (table.set $t (i32.const 1) (global.get $g)))
            (func (export "plus") (result i32) (i32.add (call $own) (call $f)))
            (func (export "tail") (result i32) (return_call $own))
            (export "own" (func $own)) (export "f" (func $f)))"#;
    for add in [EVERYTHING, FUELED] {
        let mut guest = run(text, add);
        let at = |guest: &mut Guest, index| guest.number("indirect", &[Val::I32(index)]);
        assert_eq!([0, 1, 2].map(|index| at(&mut guest, index)), [41, 0, 41]);
        assert!(guest.call("indirect", &[Val::I32(3)]).is_err());
        guest.call("set", &[]).unwrap();
        guest.call("global", &[]).unwrap();
        assert_eq!([1, 3].map(|index| at(&mut guest, index)), [41, 41]);
        assert_eq!(
            ["plus", "tail", "own", "f"].map(|name| guest.number(name, &[])),
            [41, 41, 41, 0]
        );
    }
}

#[test]
fn modules_without_anything_get_what_is_asked_for() {
    for text in ["(module)", "(module (memory 1))", r#"(module (import "a" "f" (func)))"#] {
        for add in [EVERYTHING, FUELED] {
            let binary = transform(text.as_bytes(), add);
            let guest = instantiate(&binary, 10).expect("an instance");
            assert_eq!(guest.get("wsb:budget"), 0);
        }
    }
}
