use crate::error::{Error, Failure};

/// What an answer says about the call that waits for one.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    OfAnother,
    Done(Vec<u8>),
    Failed(Failure),
}

/// Serves one call: its method and parameters.
pub type Serve<'a> = dyn FnMut(&str, &[u8]) -> Result<Vec<u8>, Failure> + 'a;

/// How calls are written: [`JsonRpc`](super::JsonRpc) or [`MsgpackRpc`](super::MsgpackRpc).
pub trait Framing: sealed::Sealed {
    /// A request, or a notification where there is no id.
    #[doc(hidden)]
    fn request(id: Option<u32>, method: &str, params: &[u8]) -> Result<Vec<u8>, Error>;
    /// Reads an answer on behalf of the call `id`.
    #[doc(hidden)]
    fn response(frame: &[u8], id: u32) -> Result<Outcome, Error>;
    /// Serves what a frame asks for. The answer, if it wants one.
    #[doc(hidden)]
    fn serve(frame: &[u8], serve: &mut Serve<'_>) -> Option<Vec<u8>>;
}

pub mod sealed {
    pub trait Sealed {}
}
