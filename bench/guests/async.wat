;; The guest of bench_async: sleeps, waits for a message, counts, or spins.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wsb_channel" "open" (func $open (param i32 i32) (result i32)))
  (import "wsb_channel" "receive" (func $receive (param i32 i32 i32 i32 i64) (result i64)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\01") ;; of the subscription: the monotonic clock
  (data (i32.const 512) "inbox")
  (func (export "sleep") (param $ns i64) (result i32)
    (i64.store (i32.const 24) (local.get $ns))
    (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
  (func (export "receive") (result i64)
    (call $receive
      (call $open (i32.const 512) (i32.const 5))
      (i32.const 0) (i32.const 1024) (i32.const 64) (i64.const -1)))
  (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "count") (param $n i32) (result i32)
    (local $i i32)
    (loop $again
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $i))
  (func (export "spin")
    (loop $again (br $again))))
