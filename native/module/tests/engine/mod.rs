//! Runs modules, as given or transformed, with a host that hands out budgets.

#![allow(dead_code)] // each test uses some of it

use wasmi::{
    Caller, Config, Engine, Error, Extern, Func, FuncType, Instance, Linker, Module, Store, Val,
    ValType,
};
use wsb_native_module::bounds::{ADD_COUNTDOWN, ADD_FUEL, ADD_MEMORY_LIMIT, ADD_TABLE_LIMIT};
use wsb_native_module::{process, Options};

pub const EVERYTHING: u32 = ADD_MEMORY_LIMIT | ADD_TABLE_LIMIT | ADD_COUNTDOWN;
pub const FUELED: u32 = ADD_MEMORY_LIMIT | ADD_TABLE_LIMIT | ADD_FUEL;

/// More than any test uses, for the engine's own count.
const PLENTY: u64 = 1 << 50;

/// What the host of a guest does and sees.
pub struct Host {
    /// Handed out at each tick; a tick beyond the last one ends the guest.
    pub grant: i64,
    pub most_ticks: u64,
    pub ticks: u64,
    /// By all ticks, and what they were called with.
    pub granted: i64,
    pub left: i64,
    /// The engine's own count, at the last tick, and the most between two of them.
    pub engine_fuel: u64,
    pub longest: u64,
    /// The same of the guest's own count, its global "work".
    pub work: i64,
    pub longest_work: i64,
    pub calls: u64,
}

pub struct Guest {
    pub store: Store<Host>,
    pub instance: Instance,
}

pub fn engine() -> Engine {
    let mut config = Config::default();
    config.consume_fuel(true);
    Engine::new(&config)
}

fn tick(mut caller: Caller<Host>, budget: i64) -> Result<i64, Error> {
    let now = caller.get_fuel()?;
    let work = caller.get_export("work").and_then(Extern::into_global);
    let work = work.and_then(|work| work.get(&caller).i64()).unwrap_or(0);
    let host = caller.data_mut();
    host.longest = host.longest.max(host.engine_fuel - now);
    host.engine_fuel = now;
    host.longest_work = host.longest_work.max(work - host.work);
    host.work = work;
    host.ticks += 1;
    if host.ticks > host.most_ticks {
        return Err(Error::new("out of ticks"));
    }
    host.granted += host.grant;
    host.left += budget;
    Ok(host.grant)
}

/// Zeros of all types.
fn answer(mut caller: Caller<Host>, results: &mut [Val]) {
    caller.data_mut().calls += 1;
    for result in results {
        *result = Val::default_for_ty(result.ty());
    }
}

pub fn transform(text: &[u8], add: u32) -> Vec<u8> {
    let options = Options { add, ..Options::default() };
    process(text, &options)
        .unwrap_or_else(|failure| panic!("{failure:?}\n{}", String::from_utf8_lossy(text)))
        .module
}

/// The module with all function imports answered, limits as given, and not started.
pub fn instantiate(binary: &[u8], limit: u64) -> Result<Guest, Error> {
    let engine = engine();
    let module = Module::new(&engine, binary)?;
    let host = Host {
        grant: 1_000_000,
        most_ticks: u64::MAX,
        ticks: 0,
        granted: 0,
        left: 0,
        engine_fuel: PLENTY,
        longest: 0,
        work: 0,
        longest_work: 0,
        calls: 0,
    };
    let mut store = Store::new(&engine, host);
    store.set_fuel(PLENTY)?;
    let mut linker = <Linker<Host>>::new(&engine);
    for import in module.imports() {
        let wasmi::ExternType::Func(ty) = import.ty() else { continue };
        let function = if (import.module(), import.name()) == ("wsb", "tick") {
            Func::wrap(&mut store, tick)
        } else {
            let results: Vec<ValType> = ty.results().to_vec();
            let ty = FuncType::new(ty.params().to_vec(), results.clone());
            Func::new(&mut store, ty, move |caller, _, out| {
                answer(caller, out);
                Ok(())
            })
        };
        linker.define(import.module(), import.name(), Extern::Func(function))?;
    }
    let instance = linker.instantiate_and_start(&mut store, &module)?;
    let mut guest = Guest { store, instance };
    for name in ["wsb:memory_limit", "wsb:table_limit"] {
        if guest.has(name) {
            guest.set(name, limit as i64);
        }
    }
    Ok(guest)
}

pub fn run(text: &str, add: u32) -> Guest {
    instantiate(&transform(text.as_bytes(), add), 100).expect("an instance")
}

impl Guest {
    pub fn has(&self, name: &str) -> bool {
        self.instance.get_export(&self.store, name).is_some()
    }

    pub fn set(&mut self, name: &str, value: i64) {
        let global = self.instance.get_global(&self.store, name).expect(name);
        global.set(&mut self.store, Val::I64(value)).expect("a mutable i64");
    }

    pub fn get(&self, name: &str) -> i64 {
        let global = self.instance.get_global(&self.store, name).expect(name);
        global.get(&self.store).i64().expect("an i64")
    }

    pub fn call(&mut self, name: &str, arguments: &[Val]) -> Result<Vec<Val>, Error> {
        let function = self.instance.get_func(&self.store, name).expect(name);
        let types = function.ty(&self.store);
        let mut results: Vec<Val> =
            types.results().iter().map(|one| Val::default_for_ty(*one)).collect();
        self.store.data_mut().engine_fuel = self.store.get_fuel().expect("it is counted");
        function.call(&mut self.store, arguments, &mut results)?;
        Ok(results)
    }

    pub fn number(&mut self, name: &str, arguments: &[Val]) -> i64 {
        match self.call(name, arguments).expect("no trap").as_slice() {
            [Val::I32(value)] => i64::from(*value),
            [Val::I64(value)] => *value,
            other => panic!("{} results", other.len()),
        }
    }

    /// What calls have taken from the budget so far.
    pub fn used(&self) -> i64 {
        let host = self.store.data();
        host.granted - host.left - self.get("wsb:budget")
    }
}
