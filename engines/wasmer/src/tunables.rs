//! How Wasmer makes memories and tables: as it does by itself, except that a table may say that it
//! can grow to more than Wasmer can hold. Growing to so many fails.

use std::ptr::NonNull;

use wasmer_compiler::{BaseTunables, Tunables};
use wasmer_types::{MemoryType, TableType};
use wasmer_vm::{
    MemoryError, MemoryStyle, TableStyle, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition,
};

/// The most elements that Wasmer allows as a maximum.
const TABLE_MAX: u32 = 1 << 27;

pub struct Bounded(BaseTunables);

pub static BOUNDED: Bounded = Bounded(BaseTunables {});

fn bounded(table: &TableType) -> TableType {
    let mut table = *table;
    table.maximum = table.maximum.map(|maximum| maximum.min(TABLE_MAX));
    table
}

impl Tunables for Bounded {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.0.memory_style(memory)
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.0.table_style(table)
    }

    fn create_host_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
    ) -> Result<VMMemory, MemoryError> {
        self.0.create_host_memory(ty, style)
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
        location: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        unsafe { self.0.create_vm_memory(ty, style, location) }
    }

    fn create_host_table(&self, ty: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.0.create_host_table(&bounded(ty), style)
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        location: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        unsafe { self.0.create_vm_table(&bounded(ty), style, location) }
    }
}
