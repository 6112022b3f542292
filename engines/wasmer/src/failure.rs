//! Wasmer's traps and errors for C.

use ffi::{Sink, result};
use wasmer_compiler::{InstantiationError, LinkError, get_trace_and_trapcode};
use wasmer_vm::{Trap, TrapCode};

fn number(code: TrapCode) -> u32 {
    match code {
        TrapCode::StackOverflow => ffi::trap::STACK_OVERFLOW,
        TrapCode::HeapAccessOutOfBounds => ffi::trap::MEMORY_OUT_OF_BOUNDS,
        TrapCode::TableAccessOutOfBounds => ffi::trap::TABLE_OUT_OF_BOUNDS,
        TrapCode::IndirectCallToNull => ffi::trap::NULL_CALL,
        TrapCode::BadSignature => ffi::trap::SIGNATURE_MISMATCH,
        TrapCode::IntegerOverflow => ffi::trap::INTEGER_OVERFLOW,
        TrapCode::IntegerDivisionByZero => ffi::trap::DIVISION_BY_ZERO,
        TrapCode::BadConversionToInteger => ffi::trap::BAD_CONVERSION,
        TrapCode::UnreachableCodeReached => ffi::trap::UNREACHABLE,
        _ => ffi::trap::UNKNOWN,
    }
}

pub fn trap(trap: Trap, sink: &Sink) -> u32 {
    // Frequent (each command ends so), and C knows why.
    if let Trap::User(_) = trap {
        return result::FAILED;
    }
    let (frames, code) = get_trace_and_trapcode(&trap);
    for frame in &frames {
        sink.frame(
            frame.function_name().unwrap_or_default(),
            frame.func_index(),
            frame.module_offset() as u64,
        );
    }
    match code {
        Some(code) => {
            sink.message(code.message());
            result::TRAP + number(code)
        }
        None => {
            sink.message(&trap.to_string());
            result::FAILED
        }
    }
}

pub fn instantiation(error: InstantiationError, sink: &Sink) -> u32 {
    match error {
        InstantiationError::Start(cause) | InstantiationError::Link(LinkError::Trap(cause)) => {
            trap(cause, sink)
        }
        error => {
            sink.message(&error.to_string());
            result::FAILED
        }
    }
}
