(module (func block loop block i32.const 1 if nop else loop end end end end end))
