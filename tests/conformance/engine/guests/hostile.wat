(module
  (memory 1 2)
  (table $t 1 4 funcref)
  (func (export "grow_memory_often") (param i32 i32)
    (loop $again
      (drop (memory.grow (local.get 1)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "grow_table_often") (param i32 i32)
    (loop $again
      (drop (table.grow $t (ref.null func) (local.get 1)))
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func $trap_below (export "trap_below") (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (drop (table.get $t (i32.const 100)))))
    (i32.add (call $trap_below (i32.sub (local.get 0) (i32.const 1))) (i32.const 1))))
