;; Sends 64 KiB of its memory, over and over.
(module
  (import "wsb_channel" "open" (func $open (param i32 i32) (result i32)))
  (import "wsb_channel" "close" (func $close (param i32) (result i32)))
  (import "wsb_channel" "send" (func $send (param i32 i32 i32 i32 i64) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "out")
  ;; How many times; 0, or the error that ended it.
  (func (export "send_long") (param $count i32) (result i32)
    (local $handle i32)
    (local $error i32)
    (local.set $handle (call $open (i32.const 0) (i32.const 3)))
    (if (i32.lt_s (local.get $handle) (i32.const 0)) (then (return (local.get $handle))))
    (loop $again
      (i32.store (i32.const 65536) (local.get $count))
      (local.set $error
        (call $send (local.get $handle) (i32.const 0) (i32.const 65536) (i32.const 65536)
          (i64.const -1)))
      (if (i32.lt_s (local.get $error) (i32.const 0)) (then (return (local.get $error))))
      (br_if $again (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (call $close (local.get $handle))))
