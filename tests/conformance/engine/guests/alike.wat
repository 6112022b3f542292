;; Two function types whose parameters, as the bytes 0 to 3 after their counts as 64-bit numbers,
;; have the same CRC-32.
(module
  (type $a (func (param i64 i32 i64 i64 i32 f32 i32 i64 i64 f64
                        f64 f32 f32 i32 f64 i64 i32 f32 i32 f32)))
  (type $b (func (param f32 f64 f64 f32 i64 i64 i64 i64 i64 i64
                        f32 f32 i64 i64 i32 f64 f32 i32 f64 i64)))
  (table 1 funcref)
  (elem (i32.const 0) $first)
  (func $first (type $a))
  (func (export "confuse")
    (call_indirect (type $b)
      (f32.const 0) (f64.const 0) (f64.const 0) (f32.const 0) (i64.const 0)
      (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0) (i64.const 0)
      (f32.const 0) (f32.const 0) (i64.const 0) (i64.const 0) (i32.const 0)
      (f64.const 0) (f32.const 0) (i32.const 0) (f64.const 0) (i64.const 0)
      (i32.const 0))))
