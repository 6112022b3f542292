//! Why a module was refused.

use std::fmt::Write;

/// The values of `wsbn_status` that mean a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Invalid = 1,
    Unsupported = 2,
    Bound = 3,
    Internal = 4,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
    /// Name of the bound or of the proposal.
    pub subject: String,
    pub used: u64,
    pub allowed: u64,
}

impl Failure {
    pub fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), subject: String::new(), used: 0, allowed: 0 }
    }

    pub fn invalid(message: impl Into<String>) -> Failure {
        Failure::new(Kind::Invalid, message)
    }

    /// What wasmparser says, with the place in our own words.
    pub fn malformed(error: &wasmparser::Error) -> Failure {
        Failure::invalid(at(error.message(), error.offset()))
    }

    pub fn internal(message: impl Into<String>) -> Failure {
        Failure::new(Kind::Internal, message)
    }

    pub fn unsupported(name: &str, message: impl Into<String>) -> Failure {
        Failure { subject: name.into(), ..Failure::new(Kind::Unsupported, message) }
    }

    pub fn bound(field: &str, what: &str, used: u64, allowed: u64) -> Failure {
        Failure {
            subject: field.into(),
            used,
            allowed,
            ..Failure::new(
                Kind::Bound,
                format!("{what}: {used}, at most {allowed} allowed ({field})"),
            )
        }
    }
}

pub fn at(message: &str, offset: u64) -> String {
    let mut text = String::from(message);
    // Writing to a String cannot fail.
    let _ = write!(text, " at offset 0x{offset:x}");
    text
}
