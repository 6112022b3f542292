//! A guest without dependencies: bytes, text, channels, and RPC in MessagePack.
//!
//!     cargo build --release --target wasm32-unknown-unknown --example plain

use std::time::Duration;
use wasm_sandbox_guest::channel::{wait, Events, Wait};
use wasm_sandbox_guest::msgpack::{push_int, Reader};
use wasm_sandbox_guest::{export, host, Channel, Error, Failure, Rpc, Timeout};

export! {
    reverse: bytes,
    checksum: bytes,
    work: json,
    probe: json,
    listen: json,
    serve: json,
    ask: json,
}

fn reverse(input: &[u8]) -> Result<Vec<u8>, Failure> {
    if input.is_empty() {
        return Err(Failure::new(22, "nothing to reverse"));
    }
    Ok(input.iter().rev().copied().collect())
}

/// Lets the host do it.
fn checksum(input: &[u8]) -> Result<Vec<u8>, Error> {
    host::call_bytes("checksum", input)
}

/// Works on messages until "stop", each with a result; gives their number.
fn work(_: &str) -> Result<String, Error> {
    let jobs = Channel::open("jobs")?;
    let mut job = Vec::new();
    for done in 0.. {
        jobs.receive_into(&mut job, Timeout::FOREVER)?;
        if job == b"stop" {
            return Ok(done.to_string());
        }
        job.make_ascii_uppercase();
        jobs.send_result(&job, Timeout::FOREVER)?;
    }
    unreachable!()
}

/// The codes of a channel that is not granted, of one without messages, of one that is closed.
fn probe(_: &str) -> Result<String, Error> {
    let code = |outcome: Result<Vec<u8>, Error>| outcome.map_or_else(|error| error.code(), |_| 0);
    let jobs = Channel::open("jobs")?;
    let codes = [
        Channel::open("nothing").map_or_else(|error| error.code(), |_| 0),
        code(jobs.receive(Timeout::NONE)),
        code(jobs.receive_result(Duration::from_millis(1))),
        code(Channel::open("closed")?.receive(Timeout::FOREVER)),
        host::call_bytes("nothing", b"").map_or_else(|error| error.code(), |_| 0),
    ];
    jobs.close()?;
    Ok(format!("{codes:?}"))
}

/// Waits for messages on either channel until both said "stop"; gives how many came on each.
fn listen(_: &str) -> Result<String, Error> {
    let (jobs, orders) = (Channel::open("jobs")?, Channel::open("orders")?);
    let (mut counts, mut stopped) = ([0, 0], [false, false]);
    while stopped != [true, true] {
        let mut waits =
            [Wait::new(&jobs, Events::CAN_RECEIVE), Wait::new(&orders, Events::CAN_RECEIVE)];
        wait(&mut waits, Timeout::FOREVER)?;
        let ready = waits.map(|wait| wait.ready().intersects(Events::CAN_RECEIVE));
        for (at, channel) in [&jobs, &orders].into_iter().enumerate() {
            if ready[at] {
                counts[at] += 1;
                stopped[at] |= channel.receive(Timeout::NONE)? == b"stop";
            }
        }
    }
    Ok(format!("{counts:?}"))
}

/// Adds two numbers for the host until the channel is closed.
fn serve(_: &str) -> Result<String, Error> {
    let mut rpc = Rpc::msgpack(Channel::open("rpc")?);
    rpc.register_raw("add", |params| {
        let mut params = Reader::new(params);
        if params.array() != Ok(2) {
            return Err(Failure::new(Failure::BAD_INPUT, "add takes two numbers"));
        }
        let sum = params.int()?.checked_add(params.int()?).ok_or("the sum is too large")?;
        let mut result = Vec::new();
        push_int(&mut result, sum);
        Ok(result)
    });
    rpc.serve()?;
    Ok("\"closed\"".to_string())
}

/// What the host makes of 21, and the code of a method that it does not have.
fn ask(_: &str) -> Result<String, Error> {
    let mut rpc = Rpc::msgpack(Channel::open("rpc")?);
    let doubled = rpc.call_raw("double", &[0x91, 21], Duration::from_secs(10))?;
    let doubled = Reader::new(&doubled).int().map_err(|_| Error::Malformed)?;
    let missing = rpc.call_raw("missing", b"", Timeout::FOREVER).unwrap_err();
    Ok(format!("[{doubled}, {}]", missing.code()))
}
