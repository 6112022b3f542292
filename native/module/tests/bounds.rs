//! Every bound, met by the module it is there for.

use wasm_encoder::{BlockType, CodeSection, Function, FunctionSection, Instruction, Module};
use wasm_encoder::{MemorySection, MemoryType, TypeSection, ValType};
use wasmparser::Validator;
use wsb_native_module::{process, Bounds, Kind, Options, FEATURES};

fn validate(module: &[u8]) {
    Validator::new_with_features(FEATURES).validate_all(module).expect("a valid output");
}

fn module_of(body: Vec<Function>, memory: bool) -> Vec<u8> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    for function in &body {
        functions.function(0);
        code.function(function);
    }
    module.section(&types).section(&functions);
    if memory {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        module.section(&memories);
    }
    module.section(&code);
    module.finish()
}

fn bound_of(bytes: &[u8], field: &str, used: u64, allowed: u64) {
    let failure = process(bytes, &Options::default()).err().expect("refused");
    assert_eq!(
        (failure.kind, failure.subject.as_str()),
        (Kind::Bound, field),
        "{}",
        failure.message
    );
    assert_eq!((failure.used, failure.allowed), (used, allowed));
}

#[test]
fn a_gigabyte_of_locals_is_refused() {
    let mut function = Function::new([(1 << 30, ValType::I64)]);
    function.instruction(&Instruction::End);
    bound_of(&module_of(vec![function], false), "max_locals", 1 << 30, 50_000);
    let mut function = Function::new(vec![(u32::MAX, ValType::I64); 100]);
    function.instruction(&Instruction::End);
    bound_of(&module_of(vec![function], false), "max_locals", u32::MAX.into(), 50_000);
}

#[test]
fn ten_thousand_nested_blocks_are_refused() {
    let nested = |depth: usize| {
        let mut function = Function::new([]);
        for _ in 0..depth {
            function.instruction(&Instruction::Block(BlockType::Empty));
        }
        for _ in 0..=depth {
            function.instruction(&Instruction::End);
        }
        module_of(vec![function], false)
    };
    bound_of(&nested(10_000), "max_nesting", 1_001, 1_000);
    bound_of(&nested(1_001), "max_nesting", 1_001, 1_000);
    validate(&process(&nested(1_000), &Options::default()).unwrap().module);
}

#[test]
fn many_empty_functions_are_refused() {
    let mut empty = Function::new([]);
    empty.instruction(&Instruction::End);
    bound_of(&module_of(vec![empty; 200_000], false), "max_functions", 200_000, 150_000);
}

fn table_of(targets: usize) -> Function {
    let mut function = Function::new([]);
    function.instruction(&Instruction::I32Const(0));
    function.instruction(&Instruction::BrTable(vec![0; targets].into(), 0));
    function.instruction(&Instruction::End);
    function
}

#[test]
fn big_branch_tables_are_refused() {
    let field = "max_function_branch_targets";
    bound_of(&module_of(vec![table_of(7_000_000)], false), field, 7_000_000, 200_000);
    bound_of(&module_of(vec![table_of(200_001)], false), field, 200_001, 200_000);
    let failure = process(&module_of(vec![table_of(200_000); 11], false), &Options::default());
    assert_eq!(failure.err().unwrap().subject, "max_branch_targets");
    assert!(process(&module_of(vec![table_of(200_000); 10], false), &Options::default()).is_ok());
}

#[test]
fn large_bodies_are_refused() {
    let mut function = Function::new([]);
    for _ in 0..8_000_000 {
        function.instruction(&Instruction::Nop);
    }
    function.instruction(&Instruction::End);
    bound_of(&module_of(vec![function], false), "max_function_size", 8_000_002, 7_654_321);
}

#[test]
fn a_body_that_the_transform_would_make_too_large_is_refused() {
    let mut function = Function::new([]);
    function.instruction(&Instruction::I32Const(0));
    for _ in 0..3_700_000 {
        function.instruction(&Instruction::MemoryGrow(0));
    }
    function.instruction(&Instruction::Drop);
    function.instruction(&Instruction::End);
    let mut bodies = vec![function];
    let mut empty = Function::new([]);
    empty.instruction(&Instruction::End);
    bodies.resize(20_000, empty); // a call of three bytes and its opcode
    let failure = process(&module_of(bodies, true), &Options::default()).err().unwrap();
    assert_eq!(failure.subject, "max_function_size");
}

#[test]
fn every_count_has_its_bound() {
    let one = Bounds { max_types: 1, ..Bounds::default() };
    let cases: [(&str, Bounds, &str); 10] = [
        ("(module (type (func)) (type (func (param i32))))", one, "max_types"),
        (
            r#"(module (import "a" "b" (func)) (import "a" "c" (func)))"#,
            Bounds { max_imports: 1, ..Bounds::default() },
            "max_imports",
        ),
        (
            r#"(module (import "a" "b" (func)) (func))"#,
            Bounds { max_functions: 1, ..Bounds::default() },
            "max_functions",
        ),
        (
            r#"(module (func (export "a") (export "b")))"#,
            Bounds { max_exports: 1, ..Bounds::default() },
            "max_exports",
        ),
        (
            "(module (global i32 (i32.const 0)) (global i32 (i32.const 0)))",
            Bounds { max_globals: 1, ..Bounds::default() },
            "max_globals",
        ),
        (
            "(module (table 1 funcref) (table 1 funcref))",
            Bounds { max_tables: 1, ..Bounds::default() },
            "max_tables",
        ),
        (
            r#"(module (memory 1) (data "a") (data "b"))"#,
            Bounds { max_data_segments: 1, ..Bounds::default() },
            "max_data_segments",
        ),
        (
            "(module (func $f) (elem func $f) (elem func $f))",
            Bounds { max_element_segments: 1, ..Bounds::default() },
            "max_element_segments",
        ),
        (
            "(module (func $f) (elem func $f $f))",
            Bounds { max_elements: 1, ..Bounds::default() },
            "max_elements",
        ),
        ("(module)", Bounds { max_module_size: 7, ..Bounds::default() }, "max_module_size"),
    ];
    for (text, bounds, field) in cases {
        let options = Options { bounds, ..Options::default() };
        let failure = process(text.as_bytes(), &options).err().expect(text);
        assert_eq!((failure.kind, failure.subject.as_str()), (Kind::Bound, field), "{text}");
        assert!(failure.used > failure.allowed);
    }
}

/// `count` locals that change in a loop with as many ways back to its head.
fn joined(count: u32) -> Function {
    let mut function = Function::new([(count, ValType::I32)]);
    function.instruction(&Instruction::Loop(BlockType::Empty));
    for local in 0..count {
        function.instruction(&Instruction::LocalGet(local));
        function.instruction(&Instruction::I32Const(1));
        function.instruction(&Instruction::I32Add);
        function.instruction(&Instruction::LocalSet(local));
    }
    for _ in 0..count {
        function.instruction(&Instruction::LocalGet(0));
        function.instruction(&Instruction::BrIf(0));
    }
    function.instruction(&Instruction::End).instruction(&Instruction::End);
    function
}

/// `calls` calls within `depth` nested handlers.
fn handled(depth: u32, calls: u32) -> Function {
    let mut function = Function::new([]);
    for _ in 0..depth {
        let catches = [wasm_encoder::Catch::All { label: 0 }];
        function.instruction(&Instruction::Block(BlockType::Empty));
        function.instruction(&Instruction::TryTable(BlockType::Empty, catches[..].into()));
    }
    for _ in 0..calls {
        function.instruction(&Instruction::Call(0));
    }
    for _ in 0..depth * 2 + 1 {
        function.instruction(&Instruction::End);
    }
    function
}

#[test]
fn small_modules_that_take_gigabytes_to_compile_are_refused() {
    let used = 10_001 * 10_001;
    let module = module_of(vec![joined(10_000)], false);
    assert!(module.len() < 150_000);
    bound_of(&module, "max_function_merges", used, 5_000_000);
    assert!(process(&module_of(vec![joined(2_000)], false), &Options::default()).is_ok());
    let many = module_of((0..25).map(|_| joined(2_000)).collect(), false);
    let bounds = Bounds { max_merges: 24 * 2_001 * 2_001, ..Bounds::default() };
    let failure = process(&many, &Options { bounds, ..Options::default() }).err().expect("refused");
    assert_eq!((failure.kind, failure.subject.as_str()), (Kind::Bound, "max_merges"));
}

/// What a compiler at -O0 makes: many locals, each used at once. They meet nowhere.
#[test]
fn locals_that_cross_no_branch_cost_nothing() {
    let mut function = Function::new([(20_000, ValType::I32)]);
    function.instruction(&Instruction::Loop(BlockType::Empty));
    for local in 0..20_000 {
        function.instruction(&Instruction::I32Const(1));
        function.instruction(&Instruction::LocalSet(local));
        function.instruction(&Instruction::LocalGet(local));
        function.instruction(&Instruction::BrIf(0));
    }
    function.instruction(&Instruction::End).instruction(&Instruction::End);
    assert!(process(&module_of(vec![function], false), &Options::default()).is_ok());
}

#[test]
fn handlers_around_calls_are_bounded() {
    let module = module_of(vec![handled(400, 1_001)], false);
    assert!(module.len() < 8_000);
    bound_of(&module, "max_function_handlers", 400_400, 400_000);
    assert!(process(&module_of(vec![handled(5, 1_000)], false), &Options::default()).is_ok());
}

#[test]
fn locals_of_all_functions_are_bounded() {
    let mut function = Function::new([(50_000, ValType::I64)]);
    function.instruction(&Instruction::End);
    let module = module_of(vec![function; 401], false);
    bound_of(&module, "max_total_locals", 401 * 50_000, 20_000_000);
}

fn named(length: usize) -> Vec<u8> {
    let mut function = Function::new([]);
    function.instruction(&Instruction::End);
    let mut module = module_of(vec![function], false);
    let mut map = wasm_encoder::NameMap::new();
    map.append(0, &"n".repeat(length));
    let mut names = wasm_encoder::NameSection::new();
    names.functions(&map);
    wasm_encoder::Encode::encode(&wasm_encoder::SectionId::Custom, &mut module);
    wasm_encoder::Encode::encode(&names, &mut module);
    module
}

#[test]
fn endless_names_are_dropped() {
    for (length, kept) in [(100, true), (64 << 10, true), ((64 << 10) + 1, false)] {
        let output = process(&named(length), &Options::default()).expect("a valid module");
        validate(&output.module);
        assert_eq!(output.module.windows(100).any(|part| part == [b'n'; 100]), kept);
    }
}

fn refused(module: &[u8], add: u32, bounds: Bounds) -> (String, u64, u64) {
    let failure = process(module, &Options { bounds, add }).err().expect("refused");
    assert_eq!(failure.kind, Kind::Bound, "{}", failure.message);
    (failure.subject, failure.used, failure.allowed)
}

fn loops(count: usize) -> Function {
    let mut function = Function::new([]);
    for _ in 0..count {
        function.instruction(&Instruction::Loop(BlockType::Empty)).instruction(&Instruction::End);
    }
    function.instruction(&Instruction::End);
    function
}

#[test]
fn functions_that_counting_makes_too_large_are_refused() {
    use wsb_native_module::bounds::{ADD_COUNTDOWN, ADD_FUEL};
    let with_loop = |has_loop: bool| {
        let mut function = Function::new([(50_000, ValType::I32)]);
        if has_loop {
            function.instruction(&Instruction::Loop(BlockType::Empty));
            function.instruction(&Instruction::End);
        }
        function.instruction(&Instruction::End);
        module_of(vec![function], false)
    };
    let (subject, used, allowed) = refused(&with_loop(true), ADD_COUNTDOWN, Bounds::default());
    assert_eq!((subject.as_str(), used, allowed), ("max_locals", 50_001, 50_000));
    for (has_loop, add) in [(true, ADD_FUEL), (false, ADD_COUNTDOWN)] {
        let output = process(&with_loop(has_loop), &Options { add, ..Options::default() });
        validate(&output.expect("no local is needed").module);
    }
    let module = module_of(vec![loops(1_000_000)], false);
    for add in [ADD_COUNTDOWN, ADD_FUEL] {
        let (subject, used, allowed) = refused(&module, add, Bounds::default());
        assert_eq!((subject.as_str(), allowed), ("max_function_size", 7_654_321));
        assert!(used > allowed);
    }
}

#[test]
fn modules_that_counting_makes_too_large_are_refused() {
    use wsb_native_module::bounds::ADD_COUNTDOWN;
    let module = module_of(vec![loops(1_000); 10], false);
    let exact = Bounds { max_module_size: module.len() as u64, ..Bounds::default() };
    let (subject, used, allowed) = refused(&module, ADD_COUNTDOWN, exact);
    assert_eq!((subject.as_str(), allowed), ("max_module_size", 4 * module.len() as u64));
    assert!(used > allowed);
    let room = Bounds { max_module_size: 10 * module.len() as u64, ..Bounds::default() };
    let options = Options { bounds: room, add: ADD_COUNTDOWN };
    validate(&process(&module, &options).expect("there is room").module);
}
