(module
  (import "host" "vector" (func $vector (param v128 i32) (result i32 v128)))
  (func (export "through") (param v128 i32) (result i32 v128)
    (call $vector (local.get 0) (local.get 1))))
