//! Bounds and options, as in the C header.

use crate::failure::Failure;

/// `wsbn_bounds`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub max_module_size: u64,
    pub max_functions: u64,
    pub max_function_size: u64,
    pub max_locals: u64,
    pub max_branch_targets: u64,
    pub max_function_branch_targets: u64,
    pub max_nesting: u64,
    pub max_types: u64,
    pub max_imports: u64,
    pub max_exports: u64,
    pub max_globals: u64,
    pub max_tables: u64,
    pub max_data_segments: u64,
    pub max_element_segments: u64,
    pub max_elements: u64,
    pub max_total_locals: u64,
    pub max_merges: u64,
    pub max_function_merges: u64,
    pub max_handlers: u64,
    pub max_function_handlers: u64,
}

/// `wsbn_options`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub bounds: Bounds,
    /// `ADD_*` bits.
    pub add: u32,
}

/// What the transform puts in for engines that lack it; the header has the meaning of each.
pub const ADD_MEMORY_LIMIT: u32 = 1 << 0;
pub const ADD_TABLE_LIMIT: u32 = 1 << 1;
pub const ADD_COUNTDOWN: u32 = 1 << 2;
pub const ADD_FUEL: u32 = 1 << 3;

impl Options {
    pub fn adds(&self, bit: u32) -> bool {
        self.add & bit != 0
    }
}

impl Default for Bounds {
    /// The defaults of `wsb_module_bounds`.
    fn default() -> Bounds {
        Bounds {
            max_module_size: 256 << 20,
            max_functions: 150_000,
            max_function_size: 7_654_321,
            max_locals: 50_000,
            max_branch_targets: 2_000_000,
            max_function_branch_targets: 200_000,
            max_nesting: 1_000,
            max_types: 1_000_000,
            max_imports: 10_000,
            max_exports: 100_000,
            max_globals: 20_000,
            max_tables: 100,
            max_data_segments: 100_000,
            max_element_segments: 100_000,
            max_elements: 10_000_000,
            max_total_locals: 20_000_000,
            max_merges: 80_000_000,
            max_function_merges: 5_000_000,
            max_handlers: 4_000_000,
            max_function_handlers: 400_000,
        }
    }
}

/// Refuses `used` above `allowed`.
pub fn check(field: &str, what: &str, used: u64, allowed: u64) -> Result<(), Failure> {
    if used > allowed {
        return Err(Failure::bound(field, what, used, allowed));
    }
    Ok(())
}
