(module (memory i64 1) (table i64 1 funcref)
  (func (param i64) (result i64) block end (memory.grow (local.get 0))))
