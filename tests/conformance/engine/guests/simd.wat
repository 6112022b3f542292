(module
  (import "host" "vector" (func $vector (param v128 i32) (result i32 v128)))
  (global (export "g_v128") (mut v128) (v128.const i32x4 1 2 3 4))
  (func (export "swap") (param v128 v128) (result v128 v128) (local.get 1) (local.get 0))
  (func (export "through") (param v128 i32) (result i32 v128)
    (call $vector (local.get 0) (local.get 1))))
