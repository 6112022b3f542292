;; What random modules may import: functions only, of every kind of signature.
(module
  (import "host" "none" (func))
  (import "host" "i32" (func (param i32) (result i32)))
  (import "host" "i64" (func (param i64 i32) (result i64)))
  (import "host" "f32" (func (param f32) (result f32)))
  (import "host" "f64" (func (param f64 i64) (result f64)))
  (import "host" "pair" (func (param i32) (result i32 i64)))
  (import "host" "many" (func (param i64 f32 f64 i32 i32))))
