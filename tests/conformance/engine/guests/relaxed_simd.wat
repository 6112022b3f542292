(module
  (func (export "swizzle") (param i32) (result i32)
    (i32x4.extract_lane 0
      (i8x16.relaxed_swizzle (i32x4.splat (local.get 0)) (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)))))
