//! Which proposals a module is said to use: those, and no more.

use wsb_native_module::{process, Options};

const SIMD: u64 = 1 << 8;
const RELAXED_SIMD: u64 = 1 << 11;
const TAIL_CALLS: u64 = 1 << 12;
const EXCEPTIONS: u64 = 1 << 13;
const MEMORY64: u64 = 1 << 14;

/// The field of the description.
fn required(text: &str) -> u64 {
    let output = process(text.as_bytes(), &Options::default())
        .unwrap_or_else(|failure| panic!("{failure:?}\n{text}"));
    u64::from_le_bytes(output.info[48..56].try_into().unwrap())
}

#[test]
fn plain_modules_need_nothing() {
    for text in [
        "(module)",
        r#"(module (import "a" "b" (func (param f64 externref) (result i32))))"#,
        "(module (memory 1) (table 2 funcref) (table 1 externref) (global (mut f32) (f32.const 1))
            (func (result i32 i64) (local externref)
                (block (result i32) (if (result i32) (i32.const 0) (then (i32.const 1))
                    (else (i32.const -3))))
                (loop (param i32) (result i32) (br_if 0 (i32.const 0)))
                (drop (ref.null extern)) (drop (ref.null func))
                (drop (select (result externref) (ref.null extern) (ref.null extern) (i32.const 1)))
                (memory.fill (i32.const 0xfd) (i32.const 0x1f) (i32.const 0x12))
                (i64.const 0x1f080afd12)))",
    ] {
        assert_eq!(required(text), 0, "{text}");
    }
}

#[test]
fn each_use_is_found() {
    for (text, wanted) in [
        ("(module (type (func (param v128))))", SIMD),
        ("(module (func (local i32 v128)))", SIMD),
        (r#"(module (import "a" "g" (global v128)))"#, SIMD),
        ("(module (global v128 (v128.const i64x2 1 2)))", SIMD),
        ("(module (func unreachable (block (result v128) unreachable) drop))", SIMD),
        ("(module (func unreachable (select (result v128)) drop))", SIMD),
        ("(module (func unreachable (i32x4.add) drop))", SIMD),
        ("(module (func unreachable (i8x16.relaxed_swizzle) drop))", SIMD | RELAXED_SIMD),
        (
            "(module (func unreachable (i32x4.relaxed_dot_i8x16_i7x16_add_s) drop))",
            SIMD | RELAXED_SIMD,
        ),
        ("(module (func $f (return_call $f)))", TAIL_CALLS),
        ("(module (table 1 funcref) (func (return_call_indirect (i32.const 0))))", TAIL_CALLS),
        ("(module (tag))", EXCEPTIONS),
        (r#"(module (import "a" "t" (tag)))"#, EXCEPTIONS),
        ("(module (type (func (result exnref))))", EXCEPTIONS),
        ("(module (func (local exnref)))", EXCEPTIONS),
        ("(module (global exnref (ref.null exn)))", EXCEPTIONS),
        ("(module (table 1 exnref))", EXCEPTIONS),
        ("(module (elem exnref (ref.null exn)))", EXCEPTIONS),
        ("(module (func (drop (ref.null exn))))", EXCEPTIONS),
        ("(module (func (drop (ref.null noexn))))", EXCEPTIONS),
        ("(module (func unreachable (throw_ref)))", EXCEPTIONS),
        ("(module (func (try_table)))", EXCEPTIONS),
        ("(module (func unreachable (block (result exnref) unreachable) drop))", EXCEPTIONS),
        (
            "(module (func unreachable (try_table (result v128) unreachable) drop))",
            EXCEPTIONS | SIMD,
        ),
        ("(module (memory i64 1))", MEMORY64),
        ("(module (table i64 1 funcref))", MEMORY64),
        (r#"(module (import "a" "m" (memory i64 1)))"#, MEMORY64),
        (r#"(module (import "a" "t" (table i64 1 funcref)))"#, MEMORY64),
    ] {
        assert_eq!(required(text), wanted, "{text}");
    }
}

#[test]
fn minimums_of_all_tables_are_added_up() {
    let sum = |text: &str| {
        let info = process(text.as_bytes(), &Options::default()).expect("a module").info;
        u64::from_le_bytes(info[56..64].try_into().unwrap())
    };
    assert_eq!(sum("(module)"), 0);
    assert_eq!(sum(r#"(module (import "a" "t" (table 5 funcref)) (table 2 9 externref))"#), 7);
}
