//! Random modules: whatever passes comes out valid, and does what it did before.

mod engine;

use arbitrary::Unstructured;
use engine::{instantiate, Guest, EVERYTHING, FUELED};
use wasmi::{Extern, Val};
use wasmparser::Validator;
use wsb_native_module::{process, Kind, Options, FEATURES};

/// A small generator (xorshift), so that a failure names its seed.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    std::iter::repeat_with(step).take(len).collect()
}

fn config() -> wasm_smith::Config {
    wasm_smith::Config {
        allow_start_export: true,
        memory64_enabled: true,
        tail_call_enabled: true,
        relaxed_simd_enabled: true,
        extended_const_enabled: true,
        gc_enabled: false,
        exceptions_enabled: false,
        threads_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        max_memories: 1,
        ..wasm_smith::Config::default()
    }
}

fn smith(config: wasm_smith::Config, seed: u64) -> Option<wasm_smith::Module> {
    let data = bytes(seed, 4096);
    wasm_smith::Module::new(config, &mut Unstructured::new(&data)).ok()
}

#[test]
fn random_modules_come_out_valid() {
    let (mut passed, mut counting) = (0, 0);
    for seed in 0..1_500 {
        let exceptions = seed % 2 == 0;
        let config = wasm_smith::Config { exceptions_enabled: exceptions, ..config() };
        let Some(module) = smith(config, seed) else { continue };
        let binary = module.to_bytes();
        let known = Validator::new_with_features(FEATURES).validate_all(&binary).is_ok();
        for add in 0..16 {
            match process(&binary, &Options { add, ..Options::default() }) {
                Ok(output) => {
                    assert!(known, "seed {seed}: accepted what the validator refuses");
                    Validator::new_with_features(FEATURES)
                        .validate_all(&output.module)
                        .unwrap_or_else(|error| panic!("seed {seed}, add {add}: {error}"));
                    passed += 1;
                    let added = b"wsb:grow_refused";
                    counting += usize::from(output.module.windows(16).any(|one| one == added));
                }
                Err(failure) => {
                    assert_ne!(failure.kind, Kind::Internal, "seed {seed}: {failure:?}");
                    assert!(!known || failure.kind == Kind::Bound, "seed {seed}: {failure:?}");
                }
            }
        }
    }
    assert!(passed > 8_000 && counting > 100, "{passed} passed, {counting} counting");
}

/// What can be seen of a guest from outside.
fn state(guest: &mut Guest) -> Vec<String> {
    let names: Vec<String> =
        guest.instance.exports(&guest.store).map(|one| one.name().to_string()).collect();
    let mut seen = Vec::new();
    for name in names.iter().filter(|name| !name.starts_with("wsb:")) {
        let export = guest.instance.get_export(&guest.store, name).expect("an export");
        seen.push(match export {
            Extern::Global(global) => format!("{name}: {}", show(&global.get(&guest.store))),
            Extern::Memory(memory) => {
                let data = memory.data(&guest.store);
                let sum = data.iter().fold(data.len() as u64, |sum, byte| {
                    sum.wrapping_mul(0x100_0000_01b3).wrapping_add(u64::from(*byte))
                });
                format!("{name}: {sum:x}")
            }
            Extern::Table(table) => format!("{name}: {}", table.size(&guest.store)),
            Extern::Func(_) => name.clone(),
        });
    }
    seen.push(format!("{} calls of the host", guest.store.data().calls));
    seen
}

/// References are told apart only by whether they are null.
fn show(value: &Val) -> String {
    match value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(value) if value.to_float().is_nan() => "NaN".into(),
        Val::F64(value) if value.to_float().is_nan() => "NaN".into(),
        Val::F32(value) => format!("{:x}", value.to_bits()),
        Val::F64(value) => format!("{:x}", value.to_bits()),
        Val::V128(value) => format!("{:x}", value.as_u128()),
        Val::FuncRef(value) => format!("a function: {}", !value.is_null()),
        Val::ExternRef(value) => format!("a reference: {}", !value.is_null()),
    }
}

/// Calls every exported function with the same arguments; what a call gives or that it traps.
fn exercise(guest: &mut Guest) -> Vec<String> {
    let functions: Vec<String> = guest
        .instance
        .exports(&guest.store)
        .filter(|one| one.ty(&guest.store).func().is_some() && !one.name().starts_with("wsb:"))
        .map(|one| one.name().to_string())
        .collect();
    let mut seen = Vec::new();
    for name in functions.iter().take(8) {
        let function = guest.instance.get_func(&guest.store, name).expect("a function");
        let types = function.ty(&guest.store);
        let arguments: Vec<Val> = types
            .params()
            .iter()
            .map(|one| match one {
                wasmi::ValType::I32 => Val::I32(5),
                wasmi::ValType::I64 => Val::I64(-7),
                other => Val::default_for_ty(*other),
            })
            .collect();
        seen.push(match guest.call(name, &arguments) {
            Ok(results) => results.iter().map(show).collect::<Vec<_>>().join(" "),
            Err(error) => format!("{:?}", error.as_trap_code()),
        });
    }
    seen.extend(state(guest));
    seen
}

/// wasm-smith bounds what its modules do by a count of their own.
#[test]
fn random_modules_do_what_they_did() {
    let (mut compared, mut ticked) = (0, 0);
    for seed in 0..400 {
        let config = wasm_smith::Config {
            export_everything: true,
            allow_start_export: false,
            relaxed_simd_enabled: false,
            max_imports: 5,
            max_memory32_bytes: 1 << 20,
            max_memory64_bytes: 1 << 20,
            max_table_elements: 1_000,
            canonicalize_nans: true,
            ..config()
        };
        let Some(mut module) = smith(config, seed) else { continue };
        if module.ensure_termination(2_000).is_err() {
            continue;
        }
        let binary = module.to_bytes();
        // What the first part does is the measure of what the second one must not change.
        let Ok(plain) = process(&binary, &Options::default()) else { continue };
        let Ok(mut before) = instantiate(&plain.module, 1 << 40) else { continue };
        let wanted = exercise(&mut before);
        for add in [EVERYTHING, FUELED] {
            let output = process(&binary, &Options { add, ..Options::default() }).expect("passes");
            let mut after = instantiate(&output.module, 1 << 40)
                .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            after.store.data_mut().grant = 50;
            let found = exercise(&mut after);
            // Frames are larger, so the stack may end elsewhere.
            if [&found, &wanted].iter().any(|seen| seen.iter().any(|one| one.contains("Stack"))) {
                continue;
            }
            assert_eq!(found, wanted, "seed {seed}, add {add}");
            compared += 1;
            ticked += after.store.data().ticks;
        }
    }
    assert!(compared > 100 && ticked > 300, "{compared} compared, {ticked} ticks");
}

#[test]
fn garbage_is_refused() {
    for seed in 0..2_000 {
        let mut data = bytes(seed, 200);
        if seed % 2 == 0 {
            data[..8].copy_from_slice(b"\0asm\x01\0\0\0");
        }
        let failure = process(&data, &Options::default()).err().expect("garbage");
        assert_ne!(failure.kind, Kind::Internal, "seed {seed}: {failure:?}");
    }
}
