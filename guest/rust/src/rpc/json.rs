use super::framing::{sealed::Sealed, Framing, Outcome, Serve};
use super::INTERNAL_ERROR;
use crate::error::{Error, Failure};
use crate::json;

/// [JSON-RPC 2.0](https://www.jsonrpc.org/specification).
#[derive(Debug)]
pub enum JsonRpc {}

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;

impl Sealed for JsonRpc {}

impl Framing for JsonRpc {
    fn request(id: Option<u32>, method: &str, params: &[u8]) -> Result<Vec<u8>, Error> {
        let mut frame = String::from("{\"jsonrpc\":\"2.0\",\"method\":");
        json::push_string(&mut frame, method);
        if !params.is_empty() {
            let params = text(params).filter(|params| is_list(params)).ok_or(Error::Malformed)?;
            frame += ",\"params\":";
            frame += params;
        }
        if let Some(id) = id {
            frame += &format!(",\"id\":{id}");
        }
        frame.push('}');
        Ok(frame.into_bytes())
    }

    fn response(frame: &[u8], id: u32) -> Result<Outcome, Error> {
        let response = Members::read(frame).ok_or(Error::Malformed)?;
        let of = response.get("id").ok_or(Error::Malformed)?;
        let failed = response.get("error");
        // The other side could not read a request of ours, not even its id.
        let mine = of == id.to_string() || (of == "null" && failed.is_some());
        if !mine {
            return Ok(Outcome::OfAnother);
        }
        match (response.get("result"), failed) {
            (Some(result), None) => Ok(Outcome::Done(result.as_bytes().to_vec())),
            (None, Some(error)) => failure(error).map(Outcome::Failed).ok_or(Error::Malformed),
            _ => Err(Error::Malformed),
        }
    }

    fn serve(frame: &[u8], serve: &mut Serve<'_>) -> Option<Vec<u8>> {
        let Some(frame) = text(frame) else {
            return Some(error("null", PARSE_ERROR, "Parse error").into_bytes());
        };
        let Ok(calls) = json::elements(frame) else {
            return one(frame, serve).map(String::into_bytes);
        };
        if calls.is_empty() {
            return Some(error("null", INVALID_REQUEST, "Invalid Request").into_bytes());
        }
        let answers: Vec<_> = calls.iter().filter_map(|call| one(call, serve)).collect();
        (!answers.is_empty()).then(|| format!("[{}]", answers.join(",")).into_bytes())
    }
}

/// One whole JSON value.
fn text(bytes: &[u8]) -> Option<&str> {
    json::value(std::str::from_utf8(bytes).ok()?).ok()
}

fn is_list(value: &str) -> bool {
    value.starts_with(['[', '{'])
}

struct Members<'a>(Vec<(String, &'a str)>);

impl<'a> Members<'a> {
    fn read(object: &'a [u8]) -> Option<Members<'a>> {
        json::members(text(object)?).ok().map(Members)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(member, _)| member == name).map(|(_, value)| *value)
    }
}

fn failure(error: &str) -> Option<Failure> {
    let error = Members::read(error.as_bytes())?;
    let code = error.get("code")?.parse().ok()?;
    Some(Failure::new(code, json::string(error.get("message")?).ok()?))
}

/// A call that is one by the specification: its method, parameters, and id, which notifications
/// lack.
fn request<'a>(call: &Members<'a>) -> Option<(String, &'a str, Option<&'a str>)> {
    let method = json::string(call.get("method")?).ok()?;
    let params = call.get("params");
    let id = call.get("id");
    let valid = call.get("jsonrpc") == Some("\"2.0\"")
        && params.is_none_or(is_list)
        && id.is_none_or(is_id);
    valid.then_some((method, params.unwrap_or(""), id))
}

/// A string, a number or null.
fn is_id(value: &str) -> bool {
    value == "null" || value.starts_with(|first: char| "\"-0123456789".contains(first))
}

fn one(call: &str, serve: &mut Serve<'_>) -> Option<String> {
    let members = Members::read(call.as_bytes());
    let Some((method, params, id)) = members.as_ref().and_then(request) else {
        let id = members.and_then(|members| members.get("id")).filter(|id| is_id(id));
        return Some(error(id.unwrap_or("null"), INVALID_REQUEST, "Invalid Request"));
    };
    let outcome = serve(&method, params.as_bytes());
    let id = id?;
    Some(match outcome {
        Err(failure) => error(id, failure.code, &failure.message),
        Ok(result) if result.is_empty() => done(id, "null"),
        Ok(result) => match text(&result) {
            Some(result) => done(id, result),
            None => error(id, INTERNAL_ERROR, "the method's result is not JSON"),
        },
    })
}

fn done(id: &str, result: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"result\":{result},\"id\":{id}}}")
}

fn error(id: &str, code: i32, message: &str) -> String {
    let mut quoted = String::new();
    json::push_string(&mut quoted, message);
    format!(
        "{{\"jsonrpc\":\"2.0\",\"error\":{{\"code\":{code},\"message\":{quoted}}},\"id\":{id}}}"
    )
}

/// Parameters as a frame has them: none for null.
#[cfg(feature = "serde_json")]
pub fn params<P: serde::Serialize + ?Sized>(params: &P) -> Result<Vec<u8>, Error> {
    let params = serde_json::to_vec(params).map_err(|error| Error::Data(error.to_string()))?;
    Ok(if params == b"null" { Vec::new() } else { params })
}
