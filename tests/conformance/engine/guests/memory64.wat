(module
  (memory (export "memory") i64 1)
  (func (export "poke") (param i64 i64) (i64.store (local.get 0) (local.get 1)))
  (func (export "peek") (param i64) (result i64) (i64.load (local.get 0)))
  (func (export "grow") (param i64) (result i64) (memory.grow (local.get 0))))
