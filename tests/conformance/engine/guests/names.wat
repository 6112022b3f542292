(module
  (func $inner_most (unreachable))
  (func $outer (export "outer") (call $inner_most)))
