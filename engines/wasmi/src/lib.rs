//! Re-exports Wasmi's C API so that its symbols end up in this static archive, and adds what it
//! lacks: the functions of `../capi/extra.h`. Each is listed with its reason in
//! docs/internals/engines.md.
//!
//! The C API's engine and module are structs of one field each, so a pointer to one is a pointer to
//! that field; that is how the fields, which are private to the crate, are reached.

mod select;

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::null_mut;

use ffi::{Handle, HostFn, Import, Raw, Sink, ValueTypes, kind, result, value};
use wasmi::errors::{ErrorKind, InstantiationError};
use wasmi::{
    AsContextMut, Caller, Config, Engine, Error, Extern, F32, F64, Func, FuncType, Global,
    Instance, Memory, Module, Store, StoreContext, StoreContextMut, TrapCode, V128, Val, ValType,
};
pub use wasmi_c_api::*;

const _: () = {
    assert!(size_of::<wasm_engine_t>() == size_of::<Engine>());
    assert!(size_of::<wasm_module_t>() == size_of::<Module>());
    assert!(size_of::<Func>() <= size_of::<Handle>());
    assert!(size_of::<Memory>() <= size_of::<Handle>());
    assert!(size_of::<Global>() <= size_of::<Handle>());
};

/// What a frame of the interpreter's call stack takes, beside the values on the value stack.
const FRAME_BYTES: usize = 24;

/// Values of a signature that need no memory of their own.
const FEW_VALUES: usize = 16;

#[unsafe(no_mangle)]
pub extern "C" fn wsbx_engine_new(max_stack: u64) -> *mut wasm_engine_t {
    let bytes = max_stack as usize;
    let mut config = Config::default();
    config
        .set_max_stack_height(bytes)
        .set_max_recursion_depth(bytes / FRAME_BYTES)
        .ignore_custom_sections(true)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .wasm_memory64(true)
        .wasm_tail_call(true)
        .wasm_simd(true)
        .wasm_relaxed_simd(true);
    Box::into_raw(Box::new(Engine::new(&config))).cast()
}

unsafe fn engine_of<'a>(engine: *const wasm_engine_t) -> &'a Engine {
    unsafe { &*engine.cast() }
}

unsafe fn module_of<'a>(module: *const wasm_module_t) -> &'a Module {
    unsafe { &*module.cast() }
}

fn trap_of(code: TrapCode) -> u32 {
    match code {
        TrapCode::UnreachableCodeReached => ffi::trap::UNREACHABLE,
        TrapCode::MemoryOutOfBounds => ffi::trap::MEMORY_OUT_OF_BOUNDS,
        TrapCode::TableOutOfBounds => ffi::trap::TABLE_OUT_OF_BOUNDS,
        TrapCode::IndirectCallToNull => ffi::trap::NULL_CALL,
        TrapCode::IntegerDivisionByZero => ffi::trap::DIVISION_BY_ZERO,
        TrapCode::IntegerOverflow => ffi::trap::INTEGER_OVERFLOW,
        TrapCode::BadConversionToInteger => ffi::trap::BAD_CONVERSION,
        TrapCode::StackOverflow => ffi::trap::STACK_OVERFLOW,
        TrapCode::BadSignature => ffi::trap::SIGNATURE_MISMATCH,
        _ => ffi::trap::UNKNOWN,
    }
}

fn fail(error: &Error, sink: &Sink) -> u32 {
    // A trap by the specification, without a trap's code here, and its text shows addresses.
    if let ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) =
        error.kind()
    {
        sink.message("out of bounds table access");
        return result::TRAP + ffi::trap::TABLE_OUT_OF_BOUNDS;
    }
    sink.message(&error.to_string());
    match error.as_trap_code() {
        Some(code) => result::TRAP + trap_of(code),
        None => result::FAILED,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_module_new(
    engine: *const wasm_engine_t,
    bytes: *const u8,
    len: usize,
    sink: &Sink,
    out_result: &mut u32,
) -> *mut wasm_module_t {
    let bytes = select::separate(unsafe { ffi::slice(bytes, len) });
    match Module::new(unsafe { engine_of(engine) }, bytes) {
        Ok(module) => Box::into_raw(Box::new(module)).cast(),
        Err(error) => {
            *out_result = fail(&error, sink);
            null_mut()
        }
    }
}

/// Set while a host function runs: it owns the access to the store then.
struct Running(Cell<*mut Caller<'static, ()>>);

/// A store and the one instance in it.
pub struct WsbxInstance {
    store: Store<()>,
    instance: Instance,
    running: Box<Running>,
}

/// A host function's environment. The instance is used by one thread at a time, and C keeps both
/// pointers valid for as long.
struct Host {
    call: HostFn,
    env: *mut c_void,
    running: *const Running,
}
unsafe impl Send for Host {}
unsafe impl Sync for Host {}

impl Host {
    fn call(&self, caller: &mut Caller<'_, ()>, values: *mut Raw) -> bool {
        let running = unsafe { &(*self.running).0 };
        let caller: *mut Caller<'_, ()> = caller;
        let outer = running.replace(caller.cast());
        let goes_on = unsafe { (self.call)(self.env, caller.cast(), values) };
        running.set(outer);
        goes_on
    }
}

impl WsbxInstance {
    /// The store, as the innermost host function that runs sees it.
    unsafe fn context<'a>(this: *const Self) -> StoreContext<'a, ()> {
        use wasmi::AsContext;
        unsafe {
            let caller = (*this).running.0.get();
            if caller.is_null() {
                (&*&raw const (*this).store).as_context()
            } else {
                (*caller.cast_const()).as_context()
            }
        }
    }

    unsafe fn context_mut<'a>(this: *mut Self) -> StoreContextMut<'a, ()> {
        unsafe {
            let caller = (*this).running.0.get();
            if caller.is_null() {
                (&mut *&raw mut (*this).store).as_context_mut()
            } else {
                (*caller).as_context_mut()
            }
        }
    }
}

fn to_val(ty: u32, raw: &Raw) -> Option<Val> {
    Some(match ty {
        value::I32 => Val::I32(raw.0[0] as u32 as i32),
        value::I64 => Val::I64(raw.0[0] as i64),
        value::F32 => Val::F32(F32::from_bits(raw.0[0] as u32)),
        value::F64 => Val::F64(F64::from_bits(raw.0[0])),
        value::V128 => Val::V128(V128::from(raw.vector())),
        _ => return None,
    })
}

fn from_val(val: &Val) -> Raw {
    match *val {
        Val::I32(v) => Raw([v as u32 as u64, 0]),
        Val::I64(v) => Raw([v as u64, 0]),
        Val::F32(v) => Raw([v.to_bits() as u64, 0]),
        Val::F64(v) => Raw([v.to_bits(), 0]),
        Val::V128(v) => Raw::from_vector(v.as_u128()),
        // Never asked for: C refuses signatures with references.
        Val::FuncRef(_) | Val::ExternRef(_) => Raw([0, 0]),
    }
}

fn val_type(ty: u32) -> Option<ValType> {
    Some(match ty {
        value::I32 => ValType::I32,
        value::I64 => ValType::I64,
        value::F32 => ValType::F32,
        value::F64 => ValType::F64,
        value::V128 => ValType::V128,
        _ => return None,
    })
}

fn val_types(types: &[u32]) -> Option<Vec<ValType>> {
    types.iter().map(|ty| val_type(*ty)).collect()
}

/// Gives a value of the same type.
fn set_val(val: &mut Val, raw: &Raw) {
    *val = match val {
        Val::I32(_) => Val::I32(raw.0[0] as u32 as i32),
        Val::I64(_) => Val::I64(raw.0[0] as i64),
        Val::F32(_) => Val::F32(F32::from_bits(raw.0[0] as u32)),
        Val::F64(_) => Val::F64(F64::from_bits(raw.0[0])),
        Val::V128(_) => Val::V128(V128::from(raw.vector())),
        // C refuses signatures with references.
        Val::FuncRef(_) | Val::ExternRef(_) => return,
    }
}

/// Made for every instance, so with as few allocations as there can be.

fn host_function(store: &mut Store<()>, import: &Import, running: *const Running) -> Option<Func> {
    let ty = unsafe { &*import.ty };
    if !ty
        .params()
        .iter()
        .chain(ty.results())
        .all(|ty| val_type(*ty).is_some())
    {
        return None;
    }
    let known = |ty: &u32| val_type(*ty).unwrap_or(ValType::I32);
    let ty = FuncType::new(
        ty.params().iter().map(known),
        ty.results().iter().map(known),
    );
    let host = Host {
        call: import.call,
        env: import.env,
        running,
    };
    Some(Func::new(store, ty, move |mut caller, params, results| {
        let count = params.len().max(results.len());
        let mut few = [Raw([0, 0]); FEW_VALUES];
        let mut many = Vec::new();
        let values = if count <= FEW_VALUES {
            &mut few[..]
        } else {
            many.resize(count, Raw([0, 0]));
            &mut many[..]
        };
        for (raw, val) in values.iter_mut().zip(params) {
            *raw = from_val(val);
        }
        if !host.call(&mut caller, values.as_mut_ptr()) {
            return Err(Error::i32_exit(0));
        }
        for (val, raw) in results.iter_mut().zip(values.iter()) {
            set_val(val, raw);
        }
        Ok(())
    }))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_imports_match(
    module: *const wasm_module_t,
    types: *const &ValueTypes,
    count: usize,
) -> bool {
    let types = unsafe { ffi::slice(types, count) };
    let imports = unsafe { module_of(module) }.imports();
    imports.len() == count
        && imports.zip(types).all(|(import, ty)| {
            import.ty().func().is_some_and(|wanted| {
                val_types(ty.params()).is_some_and(|params| params == wanted.params())
                    && val_types(ty.results()).is_some_and(|results| results == wanted.results())
            })
        })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_instance_new(
    engine: *const wasm_engine_t,
    module: *const wasm_module_t,
    _max_stack: u64,
    imports: *const Import,
    count: usize,
    sink: &Sink,
    out_result: &mut u32,
) -> *mut WsbxInstance {
    let mut store = Store::new(unsafe { engine_of(engine) }, ());
    let running = Box::new(Running(Cell::new(null_mut())));
    let mut externs = Vec::with_capacity(count);
    for import in unsafe { ffi::slice(imports, count) } {
        let Some(function) = host_function(&mut store, import, &raw const *running) else {
            sink.message("a host function with references");
            *out_result = result::UNSUPPORTED;
            return null_mut();
        };
        externs.push(Extern::Func(function));
    }
    match Instance::new(&mut store, unsafe { module_of(module) }, &externs) {
        Ok(instance) => Box::into_raw(Box::new(WsbxInstance {
            store,
            instance,
            running,
        })),
        Err(error) => {
            *out_result = fail(&error, sink);
            null_mut()
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_instance_delete(instance: *mut WsbxInstance) {
    drop(unsafe { Box::from_raw(instance) });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_export(
    instance: *const WsbxInstance,
    name: *const u8,
    len: usize,
    kind: u32,
    out_handle: *mut Handle,
) -> bool {
    let Ok(name) = str::from_utf8(unsafe { ffi::slice(name, len) }) else {
        return false;
    };
    let context = unsafe { WsbxInstance::context(instance) };
    let found = unsafe { (*instance).instance }.get_export(context, name);
    unsafe {
        match (found, kind) {
            (Some(Extern::Func(item)), kind::FUNCTION) => out_handle.cast::<Func>().write(item),
            (Some(Extern::Memory(item)), kind::MEMORY) => out_handle.cast::<Memory>().write(item),
            (Some(Extern::Global(item)), kind::GLOBAL) => out_handle.cast::<Global>().write(item),
            _ => return false,
        }
    }
    true
}

fn call(
    store: &mut Store<()>,
    function: Func,
    types: &ValueTypes,
    values: *mut Raw,
    vals: &mut [Val],
    sink: &Sink,
) -> u32 {
    let (params, results) = vals.split_at_mut(types.params().len());
    for (i, ty) in types.params().iter().enumerate() {
        match to_val(*ty, unsafe { &*values.add(i) }) {
            Some(val) => params[i] = val,
            None => {
                sink.message("a call with references as parameters");
                return result::UNSUPPORTED;
            }
        }
    }
    if let Err(error) = function.call(store, params, results) {
        return fail(&error, sink);
    }
    for (i, val) in results.iter().enumerate() {
        unsafe { *values.add(i) = from_val(val) };
    }
    result::OK
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_call(
    instance: *mut WsbxInstance,
    function: *const Handle,
    types: &ValueTypes,
    values: *mut Raw,
    sink: &Sink,
) -> u32 {
    let store = unsafe { &mut *&raw mut (*instance).store };
    let function = unsafe { *function.cast::<Func>() };
    let count = types.params().len() + types.results().len();
    if count <= FEW_VALUES {
        let mut vals = [const { Val::I32(0) }; FEW_VALUES];
        call(store, function, types, values, &mut vals[..count], sink)
    } else {
        let mut vals = vec![Val::I32(0); count];
        call(store, function, types, values, &mut vals, sink)
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_memory(
    instance: *const WsbxInstance,
    memory: *const Handle,
    out_base: &mut *mut u8,
    out_size: &mut u64,
) {
    let memory = unsafe { *memory.cast::<Memory>() };
    let context = unsafe { WsbxInstance::context(instance) };
    *out_base = memory.data_ptr(context);
    *out_size = memory.data_size(context) as u64;
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_memory_grow(
    instance: *mut WsbxInstance,
    memory: *const Handle,
    pages: u64,
) -> bool {
    let memory = unsafe { *memory.cast::<Memory>() };
    memory
        .grow(unsafe { WsbxInstance::context_mut(instance) }, pages)
        .is_ok()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_global_get(
    instance: *const WsbxInstance,
    global: *const Handle,
    out_value: &mut Raw,
) {
    let global = unsafe { *global.cast::<Global>() };
    *out_value = from_val(&global.get(unsafe { WsbxInstance::context(instance) }));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_global_set(
    instance: *mut WsbxInstance,
    global: *const Handle,
    ty: u32,
    value: &Raw,
) {
    let global = unsafe { *global.cast::<Global>() };
    if let Some(val) = to_val(ty, value) {
        // Refused for an immutable global, or another type; the library checked both.
        let _ = global.set(unsafe { WsbxInstance::context_mut(instance) }, val);
    }
}
