(module
  (import "host" "wrap" (func $wrap (param i32) (result externref)))
  (import "host" "pass" (func $pass (param externref i32 externref) (result externref externref)))
  (import "host" "fresh" (func $fresh (param i32) (result externref)))
  (table $kept 64 externref)
  (func (export "wrap") (param i32) (result externref) (call $wrap (local.get 0)))
  (func (export "pass") (param externref i32 externref) (result externref externref)
    (call $pass (local.get 0) (local.get 1) (local.get 2)))
  ;; Holds its own reference, makes many that nobody holds, and waits in between.
  (func (export "hold") (param externref i32) (result externref)
    (loop $next
      (drop (call $wrap (local.get 1)))
      (drop (call $fresh (local.get 1)))
      (table.set $kept (i32.const 3) (local.get 0))
      (br_if $next (local.tee 1 (i32.sub (local.get 1) (i32.const 1)))))
    (table.get $kept (i32.const 3))))
