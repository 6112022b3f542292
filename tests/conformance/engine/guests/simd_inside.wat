(module
  (memory 1)
  (func (export "add_lanes") (param i32 i32) (result i32) (local v128)
    (local.set 2 (i32x4.add (i32x4.splat (local.get 0)) (i32x4.splat (local.get 1))))
    (i32.add (i32.add (i32x4.extract_lane 0 (local.get 2)) (i32x4.extract_lane 1 (local.get 2)))
      (i32.add (i32x4.extract_lane 2 (local.get 2)) (i32x4.extract_lane 3 (local.get 2)))))
  (func (export "load") (param i32) (result i32)
    (i32x4.extract_lane 0 (v128.load (local.get 0)))))
