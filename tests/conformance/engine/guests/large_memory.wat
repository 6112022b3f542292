(module (memory (export "memory") i64 65537) (func (export "nop")))
