(module (memory 1 1 shared) (memory 1) (tag) (type (struct)) (func try catch_all end))
