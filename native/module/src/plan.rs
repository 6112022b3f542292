//! What is put into a module, and at which indices. Added types, functions, globals and exports
//! go to the ends of their index spaces. The one import that a budget needs is the last function
//! import, so the module's own functions move by one; nothing else does.

use crate::bodies::Facts;
use crate::bounds::{check, Options, ADD_COUNTDOWN, ADD_FUEL, ADD_MEMORY_LIMIT, ADD_TABLE_LIMIT};
use crate::cost::Indices;
use crate::failure::Failure;
use crate::limits;
use crate::meters::{self, Style};
use crate::scan::Scan;
use wasm_encoder::{ExportKind, Function};
use wasmparser::{BlockType, FuncType, ValType};

pub const MEMORY: &str = "wsb:memory";
pub const START: &str = "wsb:start";
pub const GROW_REFUSED: &str = "wsb:grow_refused";
pub const BUDGET: &str = "wsb:budget";
pub const MEMORY_LIMIT: &str = "wsb:memory_limit";
pub const TABLE_LIMIT: &str = "wsb:table_limit";

/// What validators of all engines allow of each kind; only lifted bounds get here.
const MOST: u64 = 1_000_000;
pub const LARGEST_FUNCTION: u64 = 7_654_321;

/// Where functions call to take from the budget.
pub struct Counter {
    pub style: Style,
    pub budget: u32,
    pub tick: u32,
    pub refill: u32,
    pub take: u32,
    pub settle: u32,
    /// For lengths of 32 and of 64 bits.
    pub spend_bytes: [u32; 2],
    pub spend_elements: [u32; 2],
}

/// What a body's rewriting goes by.
pub struct Code {
    /// How many functions are imported by the module as given.
    pub imported_functions: u32,
    /// Whether one more is now.
    pub moves: bool,
    pub memory_grow: Option<u32>,
    /// By table.
    pub table_grow: Vec<Option<u32>>,
    pub indices: Indices,
    pub counter: Option<Counter>,
    /// By type, whether a block of it has parameters.
    params: Vec<bool>,
}

/// A function to append.
pub struct Added {
    pub type_index: u32,
    pub body: Vec<u8>,
}

pub struct Plan {
    pub types: Vec<FuncType>,
    /// The type of the added import.
    pub tick_type: Option<u32>,
    pub functions: Vec<Added>,
    /// How many globals, all alike.
    pub globals: u32,
    pub exports: Vec<(&'static str, ExportKind, u32)>,
    pub code: Code,
    pub memory_limit: bool,
    pub table_limit: bool,
}

impl Code {
    /// The index that a function has now.
    pub fn function(&self, index: u32) -> u32 {
        index + u32::from(self.moves && index >= self.imported_functions)
    }

    pub fn has_params(&self, block: BlockType) -> bool {
        match block {
            BlockType::FuncType(index) => self.params.get(index as usize).copied().unwrap_or(true),
            _ => false,
        }
    }
}

/// A plan in the making.
pub struct Planner<'s, 'a> {
    pub scan: &'s Scan<'a>,
    pub plan: Plan,
}

pub fn plan(scan: &Scan, facts: &Facts, options: &Options) -> Result<Plan, Failure> {
    const KNOWN: u32 = ADD_MEMORY_LIMIT | ADD_TABLE_LIMIT | ADD_COUNTDOWN | ADD_FUEL;
    if options.add & !KNOWN != 0 {
        return Err(Failure::internal("the options add what is not known here"));
    }
    let mut planner = Planner::new(scan);
    if !scan.memories.is_empty() {
        planner.plan.exports.push((MEMORY, ExportKind::Memory, 0));
    }
    planner.counter(options)?;
    if let Some(function) = scan.start {
        let index = planner.plan.code.function(function);
        planner.plan.exports.push((START, ExportKind::Func, index));
    }
    if facts.grows_memory() {
        planner.memory_grow(options)?;
    }
    if options.adds(ADD_TABLE_LIMIT) && facts.table_grows.contains(&true) {
        planner.table_grow(facts)?;
    }
    planner.check()?;
    Ok(planner.plan)
}

impl<'s, 'a> Planner<'s, 'a> {
    fn new(scan: &'s Scan<'a>) -> Planner<'s, 'a> {
        let params = scan.types.iter().map(|one| match one {
            Some(one) => !one.params().is_empty(),
            None => true,
        });
        let code = Code {
            imported_functions: scan.imported_functions as u32,
            moves: false,
            memory_grow: None,
            table_grow: vec![None; scan.tables.len()],
            indices: Indices {
                memory: scan.memories.first().is_some_and(|memory| memory.memory64),
                tables: scan.tables.iter().map(|table| table.table64).collect(),
            },
            counter: None,
            params: params.collect(),
        };
        let plan = Plan {
            types: Vec::new(),
            tick_type: None,
            functions: Vec::new(),
            globals: 0,
            exports: Vec::new(),
            code,
            memory_limit: false,
            table_limit: false,
        };
        Planner { scan, plan }
    }

    /// An existing type where there is one.
    pub fn type_of(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let wanted = FuncType::new(params.iter().copied(), results.iter().copied());
        let own = self.scan.types.iter().position(|one| one.as_ref() == Some(&wanted));
        let added = || self.plan.types.iter().position(|one| *one == wanted);
        if let Some(index) = own.or_else(|| added().map(|at| self.scan.types.len() + at)) {
            return index as u32;
        }
        self.plan.types.push(wanted);
        (self.scan.types.len() + self.plan.types.len() - 1) as u32
    }

    /// A mutable i64, 0 at first, exported.
    pub fn global(&mut self, name: &'static str) -> u32 {
        let index = self.scan.globals.len() as u32 + self.plan.globals;
        self.plan.globals += 1;
        self.plan.exports.push((name, ExportKind::Global, index));
        index
    }

    pub fn function(&mut self, params: &[ValType], results: &[ValType], body: Function) -> u32 {
        let type_index = self.type_of(params, results);
        let index = self.scan.functions.len() + self.plan.functions.len();
        self.plan.functions.push(Added { type_index, body: body.into_raw_body() });
        index as u32 + u32::from(self.plan.code.moves)
    }

    fn counter(&mut self, options: &Options) -> Result<(), Failure> {
        let style = match (options.adds(ADD_FUEL), options.adds(ADD_COUNTDOWN)) {
            (true, _) => Style::Fuel,
            (false, true) => Style::Countdown,
            _ => return Ok(()),
        };
        self.plan.tick_type = Some(self.type_of(&[ValType::I64], &[ValType::I64]));
        self.plan.code.moves = true;
        let counter = meters::add(self, style);
        self.plan.code.counter = Some(counter);
        Ok(())
    }

    fn memory_grow(&mut self, options: &Options) -> Result<(), Failure> {
        let refused = self.global(GROW_REFUSED);
        self.plan.memory_limit = options.adds(ADD_MEMORY_LIMIT);
        let limit = self.plan.memory_limit.then(|| self.global(MEMORY_LIMIT));
        let is_64 = self.plan.code.indices.memory;
        let body = limits::memory_grow(is_64, refused, limit, self.plan.code.counter.as_ref());
        let size = [if is_64 { ValType::I64 } else { ValType::I32 }];
        self.plan.code.memory_grow = Some(self.function(&size, &size, body));
        Ok(())
    }

    fn table_grow(&mut self, facts: &Facts) -> Result<(), Failure> {
        self.plan.table_limit = true;
        let limit = self.global(TABLE_LIMIT);
        let room = limits::table_room(limit, &self.plan.code.indices.tables);
        let room = self.function(&[], &[ValType::I64], room);
        for (table, grows) in facts.table_grows.iter().enumerate() {
            if *grows {
                let one = self.scan.tables[table];
                let size = if one.table64 { ValType::I64 } else { ValType::I32 };
                let body = limits::table_grow(table as u32, one.table64, room);
                let element = ValType::Ref(one.element_type);
                let function = self.function(&[element, size], &[size], body);
                self.plan.code.table_grow[table] = Some(function);
            }
        }
        Ok(())
    }

    /// That all of it is within what engines take.
    fn check(&self) -> Result<(), Failure> {
        let (scan, plan) = (self.scan, &self.plan);
        let has_room = |field, what, count: usize, added: usize| {
            check(field, what, (count + added) as u64, MOST)
        };
        let import = usize::from(plan.tick_type.is_some());
        has_room("max_types", "types", scan.types.len(), plan.types.len())?;
        has_room("max_imports", "imports", scan.imports.len(), import)?;
        let added = plan.functions.len() + import;
        has_room("max_functions", "functions", scan.functions.len(), added)?;
        has_room("max_globals", "globals", scan.globals.len(), plan.globals as usize)?;
        has_room("max_exports", "exports", scan.exports.len(), plan.exports.len())?;
        for function in &plan.functions {
            let size = function.body.len() as u64;
            let what = "bytes of an added function";
            check("max_function_size", what, size, LARGEST_FUNCTION)?;
        }
        Ok(())
    }
}
