//! Random modules: whatever passes comes out valid, with the same bodies but for memory.grow.

use arbitrary::Unstructured;
use wasmparser::Validator;
use wsb_native_module::{process, Bounds, Kind, Options, FEATURES};

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

#[test]
fn random_modules_come_out_valid() {
    let (mut passed, mut counting) = (0, 0);
    for seed in 0..3_000 {
        let data = bytes(seed, 4096);
        let Ok(module) = wasm_smith::Module::new(config(), &mut Unstructured::new(&data)) else {
            continue;
        };
        let binary = module.to_bytes();
        let known = Validator::new_with_features(FEATURES).validate_all(&binary).is_ok();
        for options in [Options::default()] {
            match process(&binary, &options) {
                Ok(output) => {
                    assert!(known, "seed {seed}: accepted what the validator refuses");
                    Validator::new_with_features(FEATURES)
                        .validate_all(&output.module)
                        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
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
    assert!(passed > 1_000 && counting > 10, "{passed} passed, {counting} counting");
}

#[test]
fn garbage_is_refused() {
    let small = Options { bounds: Bounds::default(), ..Options::default() };
    for seed in 0..2_000 {
        let mut data = bytes(seed, 200);
        if seed % 2 == 0 {
            data[..8].copy_from_slice(b"\0asm\x01\0\0\0");
        }
        let failure = process(&data, &small).err().expect("garbage");
        assert_ne!(failure.kind, Kind::Internal, "seed {seed}: {failure:?}");
    }
}
