//! Channels: whole messages between guest and host, on two lanes each way, messages and results.

use crate::error::Error;
use crate::sys;
use crate::timeout::Timeout;
use std::ops::BitOr;

/// Room for a message that is not known yet: most fit, and need no second call.
const FIRST_ROOM: usize = 4096;
/// The most that [`wait`] takes.
const MAX_WAITS: usize = 64;

/// One of the two lanes, which do not hold each other up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Requests, notifications, and anything else.
    Messages = 0,
    /// Answers.
    Results = 1,
}

/// The guest's end of a channel. Dropping it closes the handle.
#[derive(Debug)]
pub struct Channel {
    handle: i32,
}

impl Channel {
    /// Opens a channel that the host granted under that name. Opened twice, it is the same end.
    pub fn open(name: &str) -> Result<Channel, Error> {
        let handle = unsafe { sys::channel::open(name.as_ptr(), name.len()) };
        check(handle)?;
        Ok(Channel { handle })
    }

    /// Sends a message, and waits for room.
    pub fn send(&self, message: &[u8], timeout: impl Into<Timeout>) -> Result<(), Error> {
        self.send_on(Lane::Messages, message, timeout)
    }

    /// Receives the oldest message.
    pub fn receive(&self, timeout: impl Into<Timeout>) -> Result<Vec<u8>, Error> {
        let mut message = Vec::new();
        self.receive_on(Lane::Messages, &mut message, timeout)?;
        Ok(message)
    }

    /// Receives into memory that is used again: what it held is replaced. It is empty on failure.
    pub fn receive_into(
        &self,
        message: &mut Vec<u8>,
        timeout: impl Into<Timeout>,
    ) -> Result<(), Error> {
        self.receive_on(Lane::Messages, message, timeout)
    }

    /// As [`send`](Self::send), on the lane of results.
    pub fn send_result(&self, result: &[u8], timeout: impl Into<Timeout>) -> Result<(), Error> {
        self.send_on(Lane::Results, result, timeout)
    }

    /// As [`receive`](Self::receive), on the lane of results.
    pub fn receive_result(&self, timeout: impl Into<Timeout>) -> Result<Vec<u8>, Error> {
        let mut result = Vec::new();
        self.receive_on(Lane::Results, &mut result, timeout)?;
        Ok(result)
    }

    /// Sends on either lane.
    pub fn send_on(
        &self,
        lane: Lane,
        message: &[u8],
        timeout: impl Into<Timeout>,
    ) -> Result<(), Error> {
        let timeout = timeout.into().nanoseconds();
        check(unsafe {
            sys::channel::send(self.handle, lane as i32, message.as_ptr(), message.len(), timeout)
        })
        .map(|_| ())
    }

    /// Receives on either lane, as [`receive_into`](Self::receive_into).
    pub fn receive_on(
        &self,
        lane: Lane,
        message: &mut Vec<u8>,
        timeout: impl Into<Timeout>,
    ) -> Result<(), Error> {
        let timeout = timeout.into().nanoseconds();
        fill(message, |out, room| unsafe {
            sys::channel::receive(self.handle, lane as i32, out, room, timeout)
        })
    }

    /// Closes the handle, and tells whether it was one.
    pub fn close(self) -> Result<(), Error> {
        let closed = check(unsafe { sys::channel::close(self.handle) });
        std::mem::forget(self);
        closed.map(|_| ())
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        unsafe { sys::channel::close(self.handle) };
    }
}

/// What can be waited for; `|` joins several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events(u32);

impl Events {
    /// A message is there, or the channel is closed.
    pub const CAN_RECEIVE: Events = Events(1);
    /// There is room for a message, or the channel is closed.
    pub const CAN_SEND: Events = Events(2);
    /// A result is there, or the channel is closed.
    pub const CAN_RECEIVE_RESULT: Events = Events(4);
    /// There is room for a result, or the channel is closed.
    pub const CAN_SEND_RESULT: Events = Events(8);

    /// Whether any of the others is among them.
    pub fn intersects(self, other: Events) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Events {
    type Output = Events;

    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

/// A channel and what it is waited for.
#[derive(Debug)]
pub struct Wait<'a> {
    channel: &'a Channel,
    events: Events,
    ready: Events,
}

impl<'a> Wait<'a> {
    /// Waits for any of `events` of a channel.
    pub fn new(channel: &'a Channel, events: Events) -> Wait<'a> {
        Wait { channel, events, ready: Events::default() }
    }

    /// Those that happened.
    pub fn ready(&self) -> Events {
        self.ready
    }
}

/// Waits until something happens on one of up to 64 channels. How many are ready; which, each of
/// them says.
pub fn wait(waits: &mut [Wait<'_>], timeout: impl Into<Timeout>) -> Result<usize, Error> {
    if waits.is_empty() || waits.len() > MAX_WAITS {
        return Err(Error::Invalid);
    }
    let mut entries = [sys::Entry::default(); MAX_WAITS];
    for (entry, wait) in entries.iter_mut().zip(waits.iter()) {
        *entry = sys::Entry { handle: wait.channel.handle, events: wait.events.0, ready: 0 };
    }
    let timeout = timeout.into().nanoseconds();
    let ready = unsafe { sys::channel::wait(entries.as_mut_ptr(), waits.len(), timeout) };
    for (entry, wait) in entries.iter().zip(waits.iter_mut()) {
        wait.ready = Events(if ready > 0 { entry.ready } else { 0 });
    }
    check(ready).map(|ready| ready as usize)
}

/// A result of the host that is not negative.
pub(crate) fn check(result: i32) -> Result<i32, Error> {
    if result < 0 {
        return Err(Error::from_host(i64::from(result)));
    }
    Ok(result)
}

/// Receives bytes of unknown length: `receive` fills in at most `room` bytes and gives the length;
/// what did not fit is kept by the host for the next call. Of what is in memory only as much is
/// looked at as the host has written.
pub(crate) fn fill(
    out: &mut Vec<u8>,
    mut receive: impl FnMut(*mut u8, usize) -> i64,
) -> Result<(), Error> {
    out.clear();
    out.reserve(FIRST_ROOM);
    loop {
        let room = out.capacity();
        let length = receive(out.as_mut_ptr(), room);
        if length < 0 {
            return Err(Error::from_host(length));
        }
        let length = usize::try_from(length).map_err(|_| Error::TooLarge)?;
        if length <= room {
            // SAFETY: the host has written that many bytes, and they lie within the capacity.
            unsafe { out.set_len(length) };
            return Ok(());
        }
        out.try_reserve_exact(length).map_err(|_| Error::TooLarge)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(message: &[u8], out: *mut u8, room: usize) -> i64 {
        if message.len() <= room {
            unsafe { std::ptr::copy_nonoverlapping(message.as_ptr(), out, message.len()) };
        }
        message.len() as i64
    }

    #[test]
    fn a_message_that_does_not_fit_is_asked_for_again() {
        let message = vec![7; 3 * FIRST_ROOM];
        let (mut calls, mut out) = (0, Vec::new());
        let filled = fill(&mut out, |to, room| {
            calls += 1;
            copy(&message, to, room)
        });
        assert_eq!((filled, calls), (Ok(()), 2));
        assert_eq!(out, message);
    }

    #[test]
    fn what_the_memory_held_is_gone_also_on_failure() {
        let mut out = b"old".to_vec();
        assert_eq!(fill(&mut out, |_, _| -4), Err(Error::TimedOut));
        assert!(out.is_empty());
        assert_eq!(fill(&mut out, |_, _| i64::MAX), Err(Error::TooLarge));
        assert_eq!(fill(&mut out, |to, room| copy(b"", to, room)), Ok(()));
        assert!(out.is_empty());
    }

    #[test]
    fn there_is_no_channel_without_a_host() {
        assert_eq!(Channel::open("x").unwrap_err(), Error::NotFound);
        assert_eq!(wait(&mut [], Timeout::NONE), Err(Error::Invalid));
    }
}
