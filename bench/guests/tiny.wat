;; The smallest useful guest: a page of memory and functions that cost next to nothing.
(module
  (memory (export "memory") 1)
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  ;; Never returns.
  (func (export "spin")
    (loop $again (br $again)))
  ;; Counts to the argument, for siblings that must not be disturbed.
  (func (export "count") (param $n i32) (result i32)
    (local $i i32)
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))
  ;; Fills all of its memory, over and over: an operation that no epoch interrupts.
  (func (export "fill")
    (loop $again
      (call $fill_once)
      (br $again)))
  (func $fill_once (export "fill_once")
    (memory.fill (i32.const 0) (i32.const 7)
      (i32.mul (memory.size) (i32.const 65536))))
  (func (export "grow") (param i32) (result i32)
    (memory.grow (local.get 0))))
