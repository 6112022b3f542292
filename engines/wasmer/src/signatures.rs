//! Wasmer tells function types apart by a CRC-32, and stops the process when two of an engine have
//! the same one: a module can be made so. (Each module has an engine of its own.)

use std::collections::HashMap;

use wasmer_compiler::wasmparser::{CompositeInnerType, Parser, Payload};
use wasmer_compiler::wptype_to_type;
use wasmer_types::FunctionType;

/// Whether two types of the module have the same hash. False also for what is no module, or has
/// types that Wasmer does not know: compiling refuses it.
pub fn collide(bytes: &[u8]) -> bool {
    let mut known: HashMap<u32, FunctionType> = HashMap::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let section = match payload {
            Ok(Payload::TypeSection(section)) => section,
            Ok(Payload::Version { .. } | Payload::CustomSection(_)) => continue,
            _ => break,
        };
        for group in section.into_iter().map_while(Result::ok) {
            for ty in group.into_types() {
                let CompositeInnerType::Func(ty) = ty.composite_type.inner else {
                    continue;
                };
                let list = |types: &[_]| -> Option<Vec<_>> {
                    types.iter().map(|ty| wptype_to_type(*ty).ok()).collect()
                };
                let (Some(params), Some(results)) = (list(ty.params()), list(ty.results())) else {
                    continue;
                };
                let ty = FunctionType::new(params, results);
                let first = known
                    .entry(ty.signature_hash())
                    .or_insert_with(|| ty.clone());
                if *first != ty {
                    return true;
                }
            }
        }
    }
    false
}
