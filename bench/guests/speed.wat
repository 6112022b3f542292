;; The guest of bench_engines: an import, a memory, and loops whose cost is that of their engine.
(module
  (import "env" "note" (func $note (param i32)))
  (memory (export "memory") 1)
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "tell") (param i32)
    (call $note (local.get 0)))
  ;; Hardly anything but function entries.
  (func $fib (export "fib") (param $n i32) (result i32)
    (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
      (then (local.get $n))
      (else
        (i32.add
          (call $fib (i32.sub (local.get $n) (i32.const 1)))
          (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
  ;; Hardly anything but loop heads: a load, an addition and a store, in two processor cycles where
  ;; it is compiled. Goes over a page of memory, 4 bytes a time, up to the argument.
  (func (export "sweep") (param $n i32) (result i32)
    (local $i i32) (local $address i32) (local $sum i32)
    (memory.fill (i32.const 0) (i32.const 7) (i32.const 0x10000))
    (loop $again
      (local.set $address (i32.and (local.get $i) (i32.const 0xfffc)))
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $address))))
      (i32.store (local.get $address) (local.get $sum))
      (br_if $again
        (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 4)))
          (local.get $n))))
    (local.get $sum))
  ;; As tight, with nothing before the loop: a compiler lays a loop that is all of its function out
  ;; in another way. Reads the half of the page that sweep wrote last, and writes the other one.
  (func (export "plain") (param $n i32) (result i32)
    (local $i i32) (local $address i32) (local $sum i32)
    (loop $again
      (local.set $address (i32.and (local.get $i) (i32.const 0x7ffc)))
      (local.set $sum
        (i32.add (local.get $sum) (i32.load offset=0x8000 (local.get $address))))
      (i32.store (local.get $address) (local.get $sum))
      (br_if $again
        (i32.lt_u
          (local.tee $i (i32.add (local.get $i) (i32.const 4)))
          (local.get $n))))
    (local.get $sum)))
