use std::fmt;

/// A failure with a code and a message: of an exported function (the host's call fails with both),
/// of a host function, or of a remote procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Yours to choose. An exported function cannot fail with 0, which means success: it is sent
    /// as 1.
    pub code: i32,
    /// For people.
    pub message: String,
}

impl Failure {
    /// The code of input that cannot be read, as that of JSON-RPC's invalid parameters.
    pub const BAD_INPUT: i32 = -32602;

    /// A failure with this code and message.
    pub fn new(code: i32, message: impl Into<String>) -> Failure {
        Failure { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (code {})", self.message, self.code)
    }
}

impl std::error::Error for Failure {}

/// Code 1.
impl From<&str> for Failure {
    fn from(message: &str) -> Failure {
        Failure::new(1, message)
    }
}

/// Code 1.
impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure::new(1, message)
    }
}

/// What the host's side said goes on as it is; what the host itself refused has its own code.
impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Remote(failure) => failure,
            other => Failure::new(other.code(), other.to_string()),
        }
    }
}

/// Why something that was asked of the host failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An argument that the host refuses: a closed handle, an encoding that does not go together.
    Invalid,
    /// There is nothing of that name, or it is not granted.
    NotFound,
    /// It would have had to wait, and the timeout was [`Timeout::NONE`](crate::Timeout::NONE).
    WouldBlock,
    /// It waited for all of the timeout.
    TimedOut,
    /// The channel is closed, and everything in it was received.
    Closed,
    /// The message is larger than the channel, or the data than what is accepted.
    TooLarge,
    /// The host has no handle or no memory left for it.
    NoRoom,
    /// The host's side failed.
    Io,
    /// Not well-formed.
    Malformed,
    /// A value that cannot be turned into the encoding, or not read back from it; the reason.
    Data(String),
    /// A code that this version does not know.
    Unknown(i64),
    /// The host's function, or the other side's method, failed.
    Remote(Failure),
}

impl Error {
    /// From a negative result of the host.
    pub(crate) fn from_host(result: i64) -> Error {
        match result {
            -1 => Error::Invalid,
            -2 => Error::NotFound,
            -3 => Error::WouldBlock,
            -4 => Error::TimedOut,
            -5 => Error::Closed,
            -6 => Error::TooLarge,
            -7 => Error::NoRoom,
            -8 => Error::Io,
            -9 => Error::Malformed,
            other => Error::Unknown(other),
        }
    }

    /// The number by which the host knows it; a remote failure's own.
    pub fn code(&self) -> i32 {
        match self {
            Error::Invalid => -1,
            Error::NotFound => -2,
            Error::WouldBlock => -3,
            Error::TimedOut => -4,
            Error::Closed => -5,
            Error::TooLarge => -6,
            Error::NoRoom => -7,
            Error::Io => -8,
            Error::Malformed | Error::Data(_) => -9,
            Error::Unknown(code) => i32::try_from(*code).unwrap_or(i32::MIN),
            Error::Remote(failure) => failure.code,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Error::Invalid => "the host refuses an argument",
            Error::NotFound => "not found, or not granted",
            Error::WouldBlock => "it would have to wait",
            Error::TimedOut => "timed out",
            Error::Closed => "the channel is closed",
            Error::TooLarge => "too large",
            Error::NoRoom => "the host has no room for it",
            Error::Io => "the host's side failed",
            Error::Malformed => "not well-formed",
            Error::Data(reason) => reason,
            Error::Unknown(code) => return write!(f, "the host's error {code}"),
            Error::Remote(failure) => return failure.fmt(f),
        };
        f.write_str(text)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_host_has_a_name_and_keeps_its_number() {
        for code in -9..=-1 {
            let error = Error::from_host(code);
            assert!(!matches!(error, Error::Unknown(_)));
            assert_eq!(i64::from(error.code()), code);
        }
        assert_eq!(Error::from_host(-77), Error::Unknown(-77));
        assert_eq!(Error::from_host(i64::MIN).code(), i32::MIN);
    }

    #[test]
    fn a_remote_failure_passes_on_as_it_is() {
        let failure = Failure::new(404, "no such thing");
        assert_eq!(Failure::from(Error::Remote(failure.clone())), failure);
        assert_eq!(Failure::from(Error::TimedOut), Failure::new(-4, "timed out"));
    }
}
