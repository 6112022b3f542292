(module (func (param i32) (block (loop (br_table 0 1 0 (local.get 0))))
  (if (local.get 0) (then) (else)) (drop (v128.const i32x4 1 2 3 4))))
