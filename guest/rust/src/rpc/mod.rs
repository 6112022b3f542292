//! Remote procedure calls over a channel, in both directions: a guest calls the host's methods and
//! serves its own.
//!
//! Requests and notifications travel as messages, responses as results.
//!
//! ```no_run
//! use wasm_sandbox_guest::{Channel, Error, Rpc, Timeout};
//!
//! fn main() -> Result<(), Error> {
//!     let mut rpc = Rpc::json(Channel::open("rpc")?);
//!     rpc.register_raw("ping", |_params| Ok(b"\"pong\"".to_vec()));
//!     let answer = rpc.call_raw("name", b"", Timeout::FOREVER)?;
//!     rpc.notify_raw("started", &[b"[", &answer[..], b"]"].concat(), Timeout::FOREVER)?;
//!     rpc.serve()
//! }
//! ```

mod framing;
mod json;
mod msgpack;

use crate::channel::{self, Channel, Events, Lane, Wait};
use crate::error::{Error, Failure};
use crate::timeout::Timeout;
pub use framing::Framing;
use framing::Outcome;
pub use json::JsonRpc;
pub use msgpack::MsgpackRpc;
use std::collections::BTreeMap;

/// No such method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// The parameters are not what the method takes.
pub const INVALID_PARAMS: i32 = Failure::BAD_INPUT;
/// The method could not do it, and does not say why.
pub const INTERNAL_ERROR: i32 = -32603;

/// What frames travel on: a [`Channel`], or a double of one in a test.
pub trait Transport {
    /// Sends a frame.
    fn send(&self, lane: Lane, frame: &[u8], timeout: Timeout) -> Result<(), Error>;
    /// Receives a frame; what `frame` held is replaced.
    fn receive(&self, lane: Lane, frame: &mut Vec<u8>, timeout: Timeout) -> Result<(), Error>;
    /// Waits until there is something to receive on either lane.
    fn wait(&self, timeout: Timeout) -> Result<(), Error>;
}

impl Transport for Channel {
    fn send(&self, lane: Lane, frame: &[u8], timeout: Timeout) -> Result<(), Error> {
        self.send_on(lane, frame, timeout)
    }

    fn receive(&self, lane: Lane, frame: &mut Vec<u8>, timeout: Timeout) -> Result<(), Error> {
        self.receive_on(lane, frame, timeout)
    }

    fn wait(&self, timeout: Timeout) -> Result<(), Error> {
        let events = Events::CAN_RECEIVE | Events::CAN_RECEIVE_RESULT;
        channel::wait(&mut [Wait::new(self, events)], timeout).map(|_| ())
    }
}

type Method = Box<dyn FnMut(&[u8]) -> Result<Vec<u8>, Failure>>;

/// One side of an RPC conversation: [`Rpc::json`] or [`Rpc::msgpack`]. Nothing else may use the
/// channel's end.
pub struct Rpc<F: Framing = JsonRpc, T: Transport = Channel> {
    transport: T,
    methods: BTreeMap<String, Method>,
    last_id: u32,
    frame: Vec<u8>,
    framing: std::marker::PhantomData<F>,
}

impl<T: Transport> Rpc<JsonRpc, T> {
    /// Speaks JSON-RPC 2.0; raw parameters and results are JSON text.
    pub fn json(transport: T) -> Self {
        Rpc::new(transport)
    }

    /// Calls a method with a value of serde that is written as an array or object, and gives its
    /// result as one. `&()` stands for no parameters.
    #[cfg(feature = "serde_json")]
    pub fn call<P, R>(
        &mut self,
        method: &str,
        params: &P,
        timeout: impl Into<Timeout>,
    ) -> Result<R, Error>
    where
        P: serde::Serialize + ?Sized,
        R: serde::de::DeserializeOwned,
    {
        let result = self.call_raw(method, &json::params(params)?, timeout)?;
        serde_json::from_slice(&result).map_err(|error| Error::Data(error.to_string()))
    }

    /// Tells the other side, with parameters as those of [`call`](Self::call).
    #[cfg(feature = "serde_json")]
    pub fn notify<P: serde::Serialize + ?Sized>(
        &mut self,
        method: &str,
        params: &P,
        timeout: impl Into<Timeout>,
    ) -> Result<(), Error> {
        self.notify_raw(method, &json::params(params)?, timeout)
    }

    /// Offers a method over values of serde. Parameters that it does not take are answered with
    /// [`INVALID_PARAMS`]; missing ones are read as null.
    #[cfg(feature = "serde_json")]
    pub fn register<P, R>(
        &mut self,
        method: &str,
        mut serve: impl FnMut(P) -> Result<R, Failure> + 'static,
    ) where
        P: serde::de::DeserializeOwned,
        R: serde::Serialize,
    {
        self.register_raw(method, move |params| {
            let params = if params.is_empty() { b"null" } else { params };
            let params = serde_json::from_slice(params)
                .map_err(|error| Failure::new(INVALID_PARAMS, error.to_string()))?;
            serde_json::to_vec(&serve(params)?)
                .map_err(|error| Failure::new(INTERNAL_ERROR, error.to_string()))
        });
    }
}

impl<T: Transport> Rpc<MsgpackRpc, T> {
    /// Speaks MessagePack-RPC; raw parameters and results are MessagePack.
    pub fn msgpack(transport: T) -> Self {
        Rpc::new(transport)
    }
}

impl<F: Framing, T: Transport> Rpc<F, T> {
    fn new(transport: T) -> Self {
        Rpc {
            transport,
            methods: BTreeMap::new(),
            last_id: 0,
            frame: Vec::new(),
            framing: std::marker::PhantomData,
        }
    }

    /// Calls a method of the other side. While it waits for the answer it serves what the other
    /// side asks, if methods are registered.
    ///
    /// Without a clock the timeout counts anew after each frame that came meanwhile.
    ///
    /// @param params  an array, object or map; empty: none
    pub fn call_raw(
        &mut self,
        method: &str,
        params: &[u8],
        timeout: impl Into<Timeout>,
    ) -> Result<Vec<u8>, Error> {
        let timeout = timeout.into();
        self.last_id = self.last_id.wrapping_add(1);
        let request = F::request(Some(self.last_id), method, params)?;
        self.transport.send(Lane::Messages, &request, timeout)?;
        loop {
            let frame = self.next_result(timeout)?;
            let outcome = F::response(&frame, self.last_id)?;
            self.frame = frame;
            match outcome {
                // An answer to a call that was given up.
                Outcome::OfAnother => continue,
                Outcome::Done(result) => return Ok(result),
                Outcome::Failed(failure) => return Err(Error::Remote(failure)),
            }
        }
    }

    /// Tells the other side, which gives no answer. The timeout is for room in the channel.
    pub fn notify_raw(
        &mut self,
        method: &str,
        params: &[u8],
        timeout: impl Into<Timeout>,
    ) -> Result<(), Error> {
        let notification = F::request(None, method, params)?;
        self.transport.send(Lane::Messages, &notification, timeout.into())
    }

    /// Offers a method: it gets the parameters as they came, empty where there are none, and gives
    /// the result, empty for null. One that was there under the name is replaced.
    pub fn register_raw(
        &mut self,
        method: &str,
        serve: impl FnMut(&[u8]) -> Result<Vec<u8>, Failure> + 'static,
    ) {
        self.methods.insert(method.to_string(), Box::new(serve));
    }

    /// Serves until the channel is closed.
    pub fn serve(&mut self) -> Result<(), Error> {
        loop {
            match self.serve_one(Timeout::FOREVER) {
                Err(Error::Closed) => return Ok(()),
                other => other?,
            }
        }
    }

    /// Serves one frame of the other side: a request, a notification, or a batch.
    pub fn serve_one(&mut self, timeout: impl Into<Timeout>) -> Result<(), Error> {
        let mut frame = std::mem::take(&mut self.frame);
        let received = self.transport.receive(Lane::Messages, &mut frame, timeout.into());
        let methods = &mut self.methods;
        let answer = received.map(|()| {
            F::serve(&frame, &mut |method, params| match methods.get_mut(method) {
                Some(serve) => serve(params),
                None => Err(Failure::new(METHOD_NOT_FOUND, "Method not found")),
            })
        });
        self.frame = frame;
        match answer? {
            Some(answer) => self.transport.send(Lane::Results, &answer, Timeout::FOREVER),
            None => Ok(()),
        }
    }

    fn next_result(&mut self, timeout: Timeout) -> Result<Vec<u8>, Error> {
        let mut frame = std::mem::take(&mut self.frame);
        if self.methods.is_empty() {
            self.transport.receive(Lane::Results, &mut frame, timeout)?;
            return Ok(frame);
        }
        loop {
            match self.transport.receive(Lane::Results, &mut frame, Timeout::NONE) {
                Err(Error::WouldBlock) => {}
                other => return other.map(|()| frame),
            }
            match self.serve_one(Timeout::NONE) {
                Err(Error::WouldBlock) if timeout == Timeout::NONE => {
                    return Err(Error::WouldBlock)
                }
                Err(Error::WouldBlock) => self.transport.wait(timeout)?,
                other => other?,
            }
        }
    }
}

#[cfg(test)]
mod tests;
