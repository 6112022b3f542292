use super::framing::{sealed::Sealed, Framing, Outcome, Serve};
use super::INTERNAL_ERROR;
use crate::error::{Error, Failure};
use crate::msgpack::{push_array, push_int, push_nil, push_str, Reader, Unexpected};

/// [MessagePack-RPC](https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md), whose errors
/// are arrays of code and message.
#[derive(Debug)]
pub enum MsgpackRpc {}

const REQUEST: i64 = 0;
const RESPONSE: i64 = 1;
const NOTIFICATION: i64 = 2;
const NO_PARAMS: &[u8] = &[0x90];

impl Sealed for MsgpackRpc {}

impl Framing for MsgpackRpc {
    fn request(id: Option<u32>, method: &str, params: &[u8]) -> Result<Vec<u8>, Error> {
        let params = if params.is_empty() { NO_PARAMS } else { params };
        whole(params).map_err(|_| Error::Malformed)?;
        let mut frame = Vec::with_capacity(params.len() + method.len() + 16);
        push_array(&mut frame, if id.is_some() { 4 } else { 3 });
        push_int(&mut frame, if id.is_some() { REQUEST } else { NOTIFICATION });
        if let Some(id) = id {
            push_int(&mut frame, i64::from(id));
        }
        push_str(&mut frame, method);
        frame.extend_from_slice(params);
        Ok(frame)
    }

    fn response(frame: &[u8], id: u32) -> Result<Outcome, Error> {
        response(frame, id).map_err(|_| Error::Malformed)
    }

    /// What is no request has no id to be answered with, and is dropped.
    fn serve(frame: &[u8], serve: &mut Serve<'_>) -> Option<Vec<u8>> {
        let (id, method, params) = request(frame).ok()?;
        let outcome = serve(method, params);
        Some(answer(id?, outcome))
    }
}

/// One value and nothing after it.
fn whole(bytes: &[u8]) -> Result<&[u8], Unexpected> {
    let mut reader = Reader::new(bytes);
    let value = reader.value()?;
    if reader.is_empty() {
        Ok(value)
    } else {
        Err(Unexpected)
    }
}

fn response(frame: &[u8], id: u32) -> Result<Outcome, Unexpected> {
    let mut reader = Reader::new(whole(frame)?);
    if (reader.array()?, reader.int()?) != (4, RESPONSE) {
        return Err(Unexpected);
    }
    if reader.int()? != i64::from(id) {
        return Ok(Outcome::OfAnother);
    }
    if reader.nil().is_ok() {
        return Ok(Outcome::Done(reader.value()?.to_vec()));
    }
    if reader.array()? < 2 {
        return Err(Unexpected);
    }
    let code = i32::try_from(reader.int()?).map_err(|_| Unexpected)?;
    Ok(Outcome::Failed(Failure::new(code, reader.str()?)))
}

/// Id, method and parameters; parameters that are an empty array are none.
fn request(frame: &[u8]) -> Result<(Option<u32>, &str, &[u8]), Unexpected> {
    let mut reader = Reader::new(whole(frame)?);
    let id = match (reader.array()?, reader.int()?) {
        (4, REQUEST) => Some(u32::try_from(reader.int()?).map_err(|_| Unexpected)?),
        (3, NOTIFICATION) => None,
        _ => return Err(Unexpected),
    };
    let method = reader.str()?;
    let params = reader.value()?;
    Ok((id, method, if params == NO_PARAMS { &[] } else { params }))
}

fn answer(id: u32, outcome: Result<Vec<u8>, Failure>) -> Vec<u8> {
    let outcome = outcome.and_then(|result| match whole(&result) {
        Err(_) if !result.is_empty() => {
            Err(Failure::new(INTERNAL_ERROR, "the method's result is not MessagePack"))
        }
        _ => Ok(result),
    });
    let mut frame = Vec::new();
    push_array(&mut frame, 4);
    push_int(&mut frame, RESPONSE);
    push_int(&mut frame, i64::from(id));
    match outcome {
        Ok(result) => {
            push_nil(&mut frame);
            match result.as_slice() {
                [] => push_nil(&mut frame),
                result => frame.extend_from_slice(result),
            }
        }
        Err(failure) => {
            push_array(&mut frame, 2);
            push_int(&mut frame, i64::from(failure.code));
            push_str(&mut frame, &failure.message);
            push_nil(&mut frame);
        }
    }
    frame
}
