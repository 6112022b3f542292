use std::time::Duration;

/// How long to wait at most. The deadline of the host's call into the guest holds in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(i64);

impl Timeout {
    /// Not at all: what cannot be done at once is [`Error::WouldBlock`](crate::Error::WouldBlock).
    pub const NONE: Timeout = Timeout(0);
    /// Without end.
    pub const FOREVER: Timeout = Timeout(-1);

    pub(crate) fn nanoseconds(self) -> i64 {
        self.0
    }
}

/// Longer than 292 years is without end.
impl From<Duration> for Timeout {
    fn from(duration: Duration) -> Timeout {
        i64::try_from(duration.as_nanos()).map_or(Timeout::FOREVER, Timeout)
    }
}
