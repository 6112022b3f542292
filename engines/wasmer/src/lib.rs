//! Re-exports Wasmer's C API so that its symbols end up in this static archive, and adds what it
//! lacks: the functions of `../capi/extra.h`. Each is listed with its reason in
//! docs/internals/engines.md.
//!
//! The C API's engine and module are structs of one field each, so a pointer to one is a pointer to
//! that field; that is how the fields, which are private to the crate, are reached.
//!
//! Instances are made and called through wasmer-vm, the layer below: a call or a host function then
//! allocates nothing and borrows no store.

mod failure;
mod host;
mod signatures;
mod stack;
mod tunables;

use std::cell::UnsafeCell;
use std::collections::BTreeMap;
use std::ptr::null_mut;

use ffi::{Handle, Import, Raw, Sink, ValueTypes, kind, result, value};
pub use wasmer::wasm_c_api::engine::wasm_engine_t;
pub use wasmer::wasm_c_api::module::wasm_module_t;
pub use wasmer::*;
use wasmer_api::{Engine, Module};
use wasmer_compiler::{EngineBuilder, InstantiationError};
use wasmer_compiler_cranelift::Cranelift;
use wasmer_types::{ExportIndex, ExternType, Features, FunctionType, Pages, RawValue, Type};
use wasmer_vm::{
    StoreObjects, VMExtern, VMFunctionContext, VMGlobalDefinition, VMInstance, VMMemoryDefinition,
    VMTrampoline, init_traps,
};

const _: () = {
    assert!(size_of::<wasm_engine_t>() == size_of::<Engine>());
    assert!(size_of::<wasm_module_t>() == size_of::<Module>());
    assert!(size_of::<Raw>() == size_of::<RawValue>());
    // What `entry.c` says.
    assert!(matches!(wasmer_vm::VERSION.as_bytes(), b"7.4.2"));
};

/// The proposals that the backend declares. Not exceptions: Wasmer keeps every exception, with a
/// backtrace, for as long as the store, so a guest that throws in a loop takes memory without
/// limit. Tail calls are not implemented, 64-bit memories only in part.
fn features() -> Features {
    let mut features = Features::none();
    features
        .bulk_memory(true)
        .reference_types(true)
        .simd(true)
        .relaxed_simd(true)
        .multi_value(true)
        .extended_const(true);
    features
}

#[unsafe(no_mangle)]
pub extern "C" fn wsbx_engine_new(_max_stack: u64) -> *mut wasm_engine_t {
    init_traps();
    let engine: Engine = EngineBuilder::new(Cranelift::new())
        .set_features(Some(features()))
        .engine()
        .into();
    Box::into_raw(Box::new(engine)).cast()
}

unsafe fn engine_of<'a>(engine: *const wasm_engine_t) -> &'a Engine {
    unsafe { &*engine.cast() }
}

unsafe fn module_of<'a>(module: *const wasm_module_t) -> &'a Module {
    unsafe { &*module.cast() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_module_new(
    engine: *const wasm_engine_t,
    bytes: *const u8,
    len: usize,
    sink: &Sink,
    out_result: &mut u32,
) -> *mut wasm_module_t {
    let bytes = unsafe { ffi::slice(bytes, len) };
    if signatures::collide(bytes) {
        sink.message("two of the module's function types have the same hash in this engine");
        *out_result = result::UNSUPPORTED;
        return null_mut();
    }
    match Module::from_binary(unsafe { engine_of(engine) }, bytes) {
        Ok(module) => Box::into_raw(Box::new(module)).cast(),
        Err(error) => {
            sink.message(&error.to_string());
            *out_result = result::FAILED;
            null_mut()
        }
    }
}

fn value_type(ty: u32) -> Option<Type> {
    Some(match ty {
        value::I32 => Type::I32,
        value::I64 => Type::I64,
        value::F32 => Type::F32,
        value::F64 => Type::F64,
        value::V128 => Type::V128,
        _ => return None,
    })
}

fn function_type(types: &ValueTypes) -> Option<FunctionType> {
    let list =
        |types: &[u32]| -> Option<Vec<Type>> { types.iter().map(|ty| value_type(*ty)).collect() };
    Some(FunctionType::new(
        list(types.params())?,
        list(types.results())?,
    ))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_imports_match(
    module: *const wasm_module_t,
    types: *const &ValueTypes,
    count: usize,
) -> bool {
    let types = unsafe { ffi::slice(types, count) };
    let imports: Vec<_> = unsafe { module_of(module) }.imports().collect();
    imports.len() == count
        && imports.iter().zip(types).all(|(import, ty)| {
            matches!(import.ty(), ExternType::Function(wanted)
                if function_type(ty).is_some_and(|ty| ty == *wanted))
        })
}

/// A store and the one instance in it.
pub struct WsbxInstance {
    instance: UnsafeCell<VMInstance>,
    /// The functions that were asked for: each look-up leaves an object in the store.
    functions: UnsafeCell<BTreeMap<u32, Handle>>,
    /// Boxed: the instance points to it.
    objects: Box<StoreObjects>,
    /// What of Wasmer's stack is not the guest's.
    unused_stack: usize,
}

unsafe fn instantiate(
    module: &Module,
    imports: &[Import],
    objects: &mut StoreObjects,
) -> Result<VMInstance, InstantiationError> {
    let mut externs = Vec::with_capacity(imports.len());
    for import in imports {
        // C compared all of them with the module's.
        let ty = function_type(unsafe { &*import.ty }).unwrap_or_default();
        externs.push(VMExtern::Function(host::function(objects, import, ty)));
    }
    let artifact = module
        .sys_artifact()
        .expect("compiled by the engine of this archive");
    unsafe {
        let mut instance = artifact.instantiate(&tunables::BOUNDED, &externs, objects)?;
        match artifact.finish_instantiation(&stack::CONFIG, None, &mut instance) {
            Ok(()) => Ok(instance),
            Err(error) => Err(error),
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_instance_new(
    _engine: *const wasm_engine_t,
    module: *const wasm_module_t,
    max_stack: u64,
    imports: *const Import,
    count: usize,
    sink: &Sink,
    out_result: &mut u32,
) -> *mut WsbxInstance {
    let mut objects = Box::<StoreObjects>::default();
    let module = unsafe { module_of(module) };
    let imports = unsafe { ffi::slice(imports, count) };
    match unsafe { instantiate(module, imports, &mut objects) } {
        Ok(instance) => Box::into_raw(Box::new(WsbxInstance {
            instance: UnsafeCell::new(instance),
            functions: UnsafeCell::default(),
            objects,
            unused_stack: stack::unused(max_stack),
        })),
        Err(error) => {
            *out_result = failure::instantiation(error, sink);
            null_mut()
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_instance_delete(instance: *mut WsbxInstance) {
    drop(unsafe { Box::from_raw(instance) });
}

impl WsbxInstance {
    /// # Safety
    ///
    /// No other reference to the instance is alive: guest code has none, only pointers.
    unsafe fn export(&self, name: &str, kind: u32) -> Option<Handle> {
        let instance = unsafe { &mut *self.instance.get() };
        let export = *instance.module_ref().exports.get(name)?;
        match (export, kind) {
            (ExportIndex::Function(index), kind::FUNCTION) => {
                let functions = unsafe { &mut *self.functions.get() };
                if let Some(handle) = functions.get(&index.as_u32()) {
                    return Some(*handle);
                }
                let VMExtern::Function(found) = instance.lookup_by_declaration(export) else {
                    return None;
                };
                let function = found.get(&self.objects);
                let anyfunc = unsafe { function.anyfunc.as_ptr().as_ref() };
                let handle = Handle([
                    anyfunc.call_trampoline as usize as u64,
                    unsafe { anyfunc.vmctx.host_env } as u64,
                    anyfunc.func_ptr as u64,
                    has_vectors(&function.signature) as u64,
                ]);
                functions.insert(index.as_u32(), handle);
                Some(handle)
            }
            (ExportIndex::Memory(_), kind::MEMORY) => {
                let VMExtern::Memory(found) = instance.lookup_by_declaration(export) else {
                    return None;
                };
                let definition = found.get(&self.objects).0.vmmemory();
                Some(Handle([definition.as_ptr() as u64, 0, 0, 0]))
            }
            (ExportIndex::Global(_), kind::GLOBAL) => {
                let VMExtern::Global(found) = instance.lookup_by_declaration(export) else {
                    return None;
                };
                let definition = found.get(&self.objects).vmglobal();
                Some(Handle([definition.as_ptr() as u64, 0, 0, 0]))
            }
            _ => None,
        }
    }
}

fn has_vectors(ty: &FunctionType) -> bool {
    ty.params().contains(&Type::V128) || ty.results().contains(&Type::V128)
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
    match unsafe { (*instance).export(name, kind) } {
        Some(handle) => {
            unsafe { out_handle.write(handle) };
            true
        }
        None => false,
    }
}

/// Values for a function with vectors, aligned as its code expects.
fn aligned_call(
    types: &ValueTypes,
    values: *mut Raw,
    call: impl FnOnce(*mut RawValue) -> u32,
) -> u32 {
    let count = types.params().len().max(types.results().len());
    let mut copy = vec![RawValue { u128: 0 }; count];
    unsafe {
        copy.as_mut_ptr()
            .cast::<u8>()
            .copy_from_nonoverlapping(values.cast(), count * size_of::<Raw>());
        let result = call(copy.as_mut_ptr());
        values
            .cast::<u8>()
            .copy_from_nonoverlapping(copy.as_ptr().cast(), count * size_of::<Raw>());
        result
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_call(
    instance: *mut WsbxInstance,
    function: &Handle,
    types: &ValueTypes,
    values: *mut Raw,
    sink: &Sink,
) -> u32 {
    let call = stack::Call {
        unused: unsafe { (*instance).unused_stack },
        trampoline: unsafe { std::mem::transmute::<usize, VMTrampoline>(function.0[0] as usize) },
        vmctx: VMFunctionContext {
            host_env: function.0[1] as *mut _,
        },
        function: function.0[2] as *const _,
    };
    let run = |values: *mut RawValue| match unsafe { call.run(values) } {
        Ok(()) => result::OK,
        Err(trap) => failure::trap(trap, sink),
    };
    if function.0[3] != 0 {
        aligned_call(types, values, run)
    } else {
        run(values.cast())
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_memory(
    _instance: *const WsbxInstance,
    memory: &Handle,
    out_base: &mut *mut u8,
    out_size: &mut u64,
) {
    let definition = memory.0[0] as *const VMMemoryDefinition;
    unsafe {
        *out_base = (*definition).base;
        *out_size = (*definition).current_length as u64;
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_memory_grow(
    instance: *mut WsbxInstance,
    memory: &Handle,
    pages: u64,
) -> bool {
    let Ok(pages) = u32::try_from(pages) else {
        return false;
    };
    let this = unsafe { &mut *instance };
    let definition = memory.0[0] as *const VMMemoryDefinition;
    let instance = this.instance.get_mut();
    // At most one memory (the library sees to that), which is the instance's own.
    let index = instance.memory_index(unsafe { &*definition });
    instance.memory_grow(index, Pages(pages)).is_ok()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_global_get(
    _instance: *const WsbxInstance,
    global: &Handle,
    out_value: &mut Raw,
) {
    let definition = global.0[0] as *const VMGlobalDefinition;
    *out_value = Raw::from_vector(unsafe { (*definition).val.u128 });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn wsbx_global_set(
    _instance: *mut WsbxInstance,
    global: &Handle,
    ty: u32,
    value: &Raw,
) {
    let definition = global.0[0] as *mut VMGlobalDefinition;
    unsafe {
        match ty {
            value::I32 | value::F32 => (*definition).val.u32 = value.0[0] as u32,
            value::I64 | value::F64 => (*definition).val.u64 = value.0[0],
            value::V128 => (*definition).val.u128 = value.vector(),
            _ => {}
        }
    }
}
