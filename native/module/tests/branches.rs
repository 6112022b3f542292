//! Branches lead where they did when blocks are put around loops.

mod engine;

use engine::{run, transform, EVERYTHING};
use wasmi::Val;
use wasmparser::{Operator, Parser, Payload};

/// What `run` returns for each argument, as given and with the countdown at its most eager.
fn same(text: &str, arguments: std::ops::Range<i32>) -> Vec<i64> {
    let mut plain = run(text, 0);
    let mut counting = run(text, EVERYTHING);
    counting.store.data_mut().grant = 1;
    arguments
        .map(|argument| {
            let wanted = plain.number("run", &[Val::I32(argument)]);
            assert_eq!(counting.number("run", &[Val::I32(argument)]), wanted, "of {argument}");
            wanted
        })
        .collect()
}

#[test]
fn tables_lead_out_of_nested_loops() {
    let text = r#"(module (func (export "run") (param i32) (result i32) (local i32)
        (block $a (block $b (block $c
            (loop $l (block $d
                (loop $m (result i32) (block $e
                    (local.set 1 (i32.add (local.get 1) (i32.const 1)))
                    (br_if $l (i32.eq (local.get 1) (i32.const 700)))
                    (br_if $m (i32.lt_u (local.get 1) (i32.const 900)))
                    (br_table $a $e $b $d $c $a (local.get 0)))
                    (i32.const 5000))
                (return (i32.add (local.get 1))))
                (return (i32.const 4))))
            (return (i32.const 3)))
            (return (i32.const 2)))
        (i32.const 1)))"#;
    assert_eq!(same(text, 0..7), [1, 5_900, 2, 4, 3, 1, 1]);
}

#[test]
fn values_leave_loops() {
    let text = r#"(module (func (export "run") (param i32) (result i32)
        (i32.add
            (loop (result i32)
                (block $x (result i32)
                    (loop $l (result i64)
                        (br_if $x (i32.const 30) (i32.eqz (local.get 0)))
                        (drop)
                        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 7))))
                        (i64.const 40))
                    (i32.wrap_i64)))
            (i32.const 1))))"#;
    assert_eq!(same(text, 0..1), [31]);
    let text = r#"(module (type $two (func (result i32 i32)))
        (func (export "run") (param i32) (result i32) (local i32)
            (loop $l (type $two)
                (local.set 1 (i32.add (local.get 1) (i32.const 3)))
                (br_if $l (i32.lt_u (local.get 1) (local.get 0)))
                (local.get 1) (i32.const 2))
            (i32.mul)))"#;
    assert_eq!(same(text, 3_000..3_004), [6_000, 6_006, 6_006, 6_006]);
}

/// With parameters nothing is put around a loop, but around those outside and within.
#[test]
fn loops_with_parameters_are_passed_through() {
    let text = r#"(module (func (export "run") (param i32) (result i32) (local i32 i32)
        (block $out (result i32)
            (loop $o
                (local.set 1 (i32.const 0))
                (i32.const 10)
                (loop $p (param i32)
                    (local.set 2)
                    (loop $i
                        (local.set 1 (i32.add (local.get 1) (i32.const 1)))
                        (drop (br_if $out (local.get 1)
                            (i32.eq (local.get 1) (i32.const 1000))))
                        (br_if $i (i32.rem_u (local.get 1) (local.get 0))))
                    (local.set 2 (i32.sub (local.get 2) (i32.const 1)))
                    (drop (br_if $p (local.get 2) (local.get 2))))
                (br_if $o (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
                    (i32.const 90))))
            (i32.const -1))))"#;
    let found = same(text, 1..120);
    assert!([1_000, -1].iter().all(|one| found.contains(one)), "{found:?}");
}

/// The blocks that handlers lead to differ in type: at another depth the module is invalid.
#[test]
fn handlers_lead_to_their_blocks() {
    let text = r#"(module (tag $t (param i32)) (tag $u (param f32)) (type $none (func))
        (func $f)
        (func (export "run") (local i32)
            (loop $l
                (block $c (block $d (result i64) (block $e (result f32) (block $i (result i32)
                    (loop $m
                        (try_table (type $none)
                            (catch $t $i) (catch $u $e) (catch_all $m) (call $f))
                        (loop $n (result i64)
                            (try_table (result i64)
                                (catch_all $l) (catch $u $e) (catch $t $i)
                                (br $d (i64.const 1))))
                        (br_if $m (i64.eqz))
                        (br_if $c (local.get 0)))
                    (return)) (drop) (return)) (drop) (return)) (drop))
                (br $l))))"#;
    let binary = transform(text.as_bytes(), EVERYTHING);
    wasmparser::Validator::new_with_features(wsb_native_module::FEATURES)
        .validate_all(&binary)
        .expect("valid");
}

/// How deep the blocks of a module are nested.
fn nesting(binary: &[u8]) -> usize {
    let (mut most, mut depth) = (0usize, 0usize);
    for payload in Parser::new(0).parse_all(binary) {
        let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
        depth = 1;
        for operator in body.get_operators_reader().unwrap() {
            match operator.unwrap() {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => depth += 1,
                Operator::End => depth -= 1,
                _ => {}
            }
            most = most.max(depth);
        }
    }
    assert_eq!(depth, 0);
    most
}

#[test]
fn deep_nests_are_not_made_much_deeper() {
    let text = format!(
        r#"(module (func (export "run") (param i32) (result i32) (block $out {}
            (br_if $out (i32.eq (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
                (i32.const 2000)))
            (br 100) {}) (local.get 0)))"#,
        "(loop ".repeat(900),
        ")".repeat(900)
    );
    assert_eq!(same(&text, 0..1), [2_000]);
    let depth = nesting(&transform(text.as_bytes(), EVERYTHING));
    assert!((1_000..1_110).contains(&depth), "{depth}");
}
