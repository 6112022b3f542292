//! Limits of growth: exact at their boundaries, and no number wraps.

mod engine;

use engine::{run, EVERYTHING, FUELED};
use wasmi::Val;
use wsb_native_module::bounds::{ADD_MEMORY_LIMIT, ADD_TABLE_LIMIT};

const MEMORY: &str = r#"(module (memory 2)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) memory.size))"#;
const MEMORY64: &str = r#"(module (memory i64 2)
    (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0)))
    (func (export "size") (result i64) memory.size))"#;
const TABLES: &str = r#"(module (table $a 3 funcref) (table $b i64 4 externref) (table $c 0 funcref)
    (func (export "a") (param i32) (result i32) (table.grow $a (ref.null func) (local.get 0)))
    (func (export "b") (param i64) (result i64) (table.grow $b (ref.null extern) (local.get 0)))
    (func (export "size") (result i64) (i64.add (table.size $b)
        (i64.extend_i32_u (i32.add (table.size $a) (table.size $c))))))"#;

#[test]
fn memory_grows_to_its_limit_and_no_further() {
    for add in [ADD_MEMORY_LIMIT, EVERYTHING, FUELED] {
        let mut guest = run(MEMORY, add);
        guest.set("wsb:memory_limit", 5);
        for (pages, result, refused) in [
            (0, 2, 0),
            (4, -1, 1),
            (3, 2, 1),
            (0, 5, 1),
            (1, -1, 2),
            (-1, -1, 3),
            (i32::MIN, -1, 4),
        ] {
            assert_eq!(guest.number("grow", &[Val::I32(pages)]), result, "{pages}");
            assert_eq!(guest.get("wsb:grow_refused"), refused);
        }
        assert_eq!(guest.number("size", &[]), 5);
        guest.set("wsb:memory_limit", 4); // below the size
        assert_eq!(guest.number("grow", &[Val::I32(0)]), -1);
        guest.set("wsb:memory_limit", -1); // none
        assert_eq!(guest.number("grow", &[Val::I32(2)]), 5);
        assert_eq!(guest.number("grow", &[Val::I32(-1)]), -1, "the engine's own refusal");
        assert_eq!(guest.get("wsb:grow_refused"), 6);
    }
}

#[test]
fn a_64_bit_memory_too() {
    for add in [ADD_MEMORY_LIMIT, EVERYTHING, FUELED] {
        let mut guest = run(MEMORY64, add);
        guest.set("wsb:memory_limit", 5);
        for (pages, result) in [(4, -1), (-1, -1), (-2, -1), (i64::MIN, -1), (i64::MAX, -1), (3, 2)]
        {
            assert_eq!(guest.number("grow", &[Val::I64(pages)]), result, "{pages}");
        }
        assert_eq!(guest.get("wsb:grow_refused"), 5);
        assert_eq!(guest.number("size", &[]), 5);
    }
}

#[test]
fn nothing_grows_before_the_limits_are_set() {
    let mut guest = run(MEMORY, EVERYTHING);
    guest.set("wsb:memory_limit", 0);
    assert_eq!(guest.number("grow", &[Val::I32(1)]), -1);
    let mut guest = run(TABLES, EVERYTHING);
    guest.set("wsb:table_limit", 0);
    assert_eq!(guest.number("a", &[Val::I32(1)]), -1);
}

#[test]
fn all_tables_together_grow_to_their_limit() {
    for add in [ADD_TABLE_LIMIT, EVERYTHING, FUELED] {
        let mut guest = run(TABLES, add);
        guest.set("wsb:table_limit", 10);
        assert_eq!(guest.number("a", &[Val::I32(4)]), -1);
        assert_eq!(guest.number("a", &[Val::I32(2)]), 3);
        assert_eq!(guest.number("b", &[Val::I64(2)]), -1);
        for delta in [-1, i64::MIN, i64::MAX, -9, 1 << 32] {
            assert_eq!(guest.number("b", &[Val::I64(delta)]), -1, "{delta}");
        }
        assert_eq!(guest.number("a", &[Val::I32(-1)]), -1);
        assert_eq!(guest.number("b", &[Val::I64(1)]), 4);
        assert_eq!(guest.number("b", &[Val::I64(0)]), 5);
        assert_eq!(guest.number("b", &[Val::I64(1)]), -1);
        assert_eq!(guest.number("size", &[]), 10);
        guest.set("wsb:table_limit", 9);
        assert_eq!(guest.number("a", &[Val::I32(1)]), -1);
        guest.set("wsb:table_limit", 11);
        assert_eq!(guest.number("a", &[Val::I32(1)]), 5);
    }
}

#[test]
fn limits_are_there_only_where_something_grows() {
    let guest = run("(module (memory 1) (table 1 funcref))", EVERYTHING);
    assert!(!guest.has("wsb:memory_limit") && !guest.has("wsb:table_limit"));
    assert!(guest.has("wsb:budget"));
    let guest = run(MEMORY, 0);
    assert!(!guest.has("wsb:memory_limit") && !guest.has("wsb:budget"));
}
