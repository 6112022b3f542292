(module (table 2000000 funcref) (func (export "nop")))
