//! Which proposals are on, and the naming of those that are off.

use crate::failure::{at, Failure};
use wasmparser::{Error, Validator, WasmFeatures};

/// What a guest may use.
pub const FEATURES: WasmFeatures = WasmFeatures::FLOATS
    .union(WasmFeatures::MUTABLE_GLOBAL)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::GC_TYPES) // externref is not gated by anything finer
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::MEMORY64);

struct Proposal {
    name: &'static str,
    feature: WasmFeatures,
    /// Others that it builds on.
    needs: WasmFeatures,
    reason: &'static str,
}

const NONE: WasmFeatures = WasmFeatures::empty();
const HEAP: WasmFeatures = WasmFeatures::GC.union(WasmFeatures::FUNCTION_REFERENCES);

/// Those that something else builds on come first: the first that suffices is the one named.
const OFF: &[Proposal] = &[
    Proposal {
        name: "threads",
        feature: WasmFeatures::THREADS,
        needs: NONE,
        reason: "shared memory and atomics can hold a thread beyond its deadline; compile without \
                 -pthread and shared memory",
    },
    Proposal {
        name: "multi-memory",
        feature: WasmFeatures::MULTI_MEMORY,
        needs: NONE,
        reason: "memory limits and host functions are for one memory",
    },
    Proposal {
        name: "legacy-exceptions",
        feature: WasmFeatures::LEGACY_EXCEPTIONS,
        needs: NONE,
        reason: "replaced by the exceptions of WebAssembly 3.0 (exnref); compile for those, or \
                 without exceptions",
    },
    Proposal {
        name: "function-references",
        feature: WasmFeatures::FUNCTION_REFERENCES,
        needs: NONE,
        reason: "not every engine has them, and no common compiler needs them",
    },
    Proposal {
        name: "gc",
        feature: WasmFeatures::GC,
        needs: WasmFeatures::FUNCTION_REFERENCES,
        reason: "its heap is not covered by the memory limit; compile for linear memory",
    },
    Proposal {
        name: "stack-switching",
        feature: WasmFeatures::STACK_SWITCHING,
        needs: WasmFeatures::FUNCTION_REFERENCES,
        reason: "its stacks are not covered by the stack limit",
    },
    Proposal {
        name: "custom-page-sizes",
        feature: WasmFeatures::CUSTOM_PAGE_SIZES,
        needs: NONE,
        reason: "memory limits are in pages of 64 KiB",
    },
    Proposal {
        name: "memory-control",
        feature: WasmFeatures::MEMORY_CONTROL,
        needs: NONE,
        reason: "it is not finished",
    },
    Proposal {
        name: "wide-arithmetic",
        feature: WasmFeatures::WIDE_ARITHMETIC,
        needs: NONE,
        reason: "not every engine has it",
    },
    Proposal {
        name: "shared-everything-threads",
        feature: WasmFeatures::SHARED_EVERYTHING_THREADS,
        needs: WasmFeatures::THREADS.union(HEAP),
        reason: "shared state can hold a thread beyond its deadline",
    },
    Proposal {
        name: "compact-imports",
        feature: WasmFeatures::COMPACT_IMPORTS,
        needs: NONE,
        reason: "not every engine has it",
    },
    Proposal {
        name: "custom-descriptors",
        feature: WasmFeatures::CUSTOM_DESCRIPTORS,
        needs: HEAP,
        reason: "it needs gc, which is off",
    },
    Proposal {
        name: "acquire-release-atomics",
        feature: WasmFeatures::ACQUIRE_RELEASE_ATOMICS,
        needs: WasmFeatures::THREADS.union(WasmFeatures::SHARED_EVERYTHING_THREADS),
        reason: "it needs threads, which are off",
    },
    Proposal {
        name: "multibyte-array-access",
        feature: WasmFeatures::MULTIBYTE_ARRAY_ACCESS,
        needs: HEAP,
        reason: "it needs gc, which is off",
    },
];

fn passes(bytes: &[u8], features: WasmFeatures) -> Result<(), Error> {
    Validator::new_with_features(FEATURES | features).validate_all(bytes).map(|_| ())
}

/// Each try reads the whole module: beyond this size what the parser said must do.
const MAX_TRIED: usize = 4 << 20;

/// Tells a module that needs a proposal that is off from one that is wrong in any case.
pub fn diagnose(bytes: &[u8], original: Error) -> Failure {
    let every = OFF.iter().fold(NONE, |all, one| all | one.feature);
    if let Err(error) = passes(bytes, every) {
        if error.offset() >= bytes.len() as u64 {
            let said = format!("the module is truncated: {}", error.message());
            return Failure::invalid(at(&said, error.offset()));
        }
        return Failure::malformed(&error);
    }
    // The parser often knows the proposal: try that one first, each try reads the module.
    let hint = original.missing_wasm_feature().unwrap_or(NONE);
    let hinted = OFF.iter().filter(|one| hint.contains(one.feature));
    if bytes.len() > MAX_TRIED {
        return match hinted.clone().next() {
            Some(one) => refuse(one.name, one.reason, original.offset()),
            None => Failure::malformed(&original),
        };
    }
    for one in hinted.chain(OFF) {
        if passes(bytes, one.feature | one.needs).is_ok() {
            return refuse(one.name, one.reason, original.offset());
        }
    }
    let needed: Vec<&str> = OFF
        .iter()
        .filter(|one| passes(bytes, every.difference(one.feature)).is_err())
        .map(|one| one.name)
        .collect();
    if needed.is_empty() {
        return Failure::malformed(&original);
    }
    refuse(&needed.join(", "), "each of them is off", original.offset())
}

fn refuse(name: &str, reason: &str, offset: u64) -> Failure {
    let use_at = at("first used", offset);
    let message = format!("not supported: WebAssembly proposal {name}: {reason} ({use_at})");
    Failure::unsupported(name, message)
}
