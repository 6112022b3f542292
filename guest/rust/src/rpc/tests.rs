use super::*;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Both lanes in one direction.
type Queue = Rc<RefCell<[VecDeque<Vec<u8>>; 2]>>;

/// One end of a channel in this test's memory; closed once `closed` and empty.
struct Double {
    incoming: Queue,
    outgoing: Queue,
    closed: bool,
}

fn pair(closed: bool) -> (Double, Double) {
    let (there, back) = (Queue::default(), Queue::default());
    let double = |incoming: &Queue, outgoing: &Queue| Double {
        incoming: incoming.clone(),
        outgoing: outgoing.clone(),
        closed,
    };
    (double(&back, &there), double(&there, &back))
}

impl Transport for Double {
    fn send(&self, lane: Lane, frame: &[u8], _: Timeout) -> Result<(), Error> {
        self.outgoing.borrow_mut()[lane as usize].push_back(frame.to_vec());
        Ok(())
    }

    fn receive(&self, lane: Lane, frame: &mut Vec<u8>, timeout: Timeout) -> Result<(), Error> {
        frame.clear();
        match self.incoming.borrow_mut()[lane as usize].pop_front() {
            Some(next) => frame.extend(next),
            None if self.closed => return Err(Error::Closed),
            None if timeout == Timeout::NONE => return Err(Error::WouldBlock),
            None => return Err(Error::TimedOut),
        }
        Ok(())
    }

    fn wait(&self, _: Timeout) -> Result<(), Error> {
        let empty = self.incoming.borrow().iter().all(VecDeque::is_empty);
        if empty {
            Err(Error::TimedOut)
        } else {
            Ok(())
        }
    }
}

fn text(frame: Option<Vec<u8>>) -> Option<String> {
    frame.map(|frame| String::from_utf8(frame).unwrap())
}

/// What a server that knows `echo`, `fail` and `broken` answers.
fn served(frame: &str) -> Option<String> {
    let (end, other) = pair(false);
    let mut rpc = Rpc::json(end);
    rpc.register_raw("echo", |params| Ok(params.to_vec()));
    rpc.register_raw("fail", |_| Err(Failure::new(7, "on \"purpose\"")));
    rpc.register_raw("broken", |_| Ok(b"{".to_vec()));
    other.send(Lane::Messages, frame.as_bytes(), Timeout::NONE).unwrap();
    rpc.serve_one(Timeout::NONE).unwrap();
    let mut answer = Vec::new();
    text(other.receive(Lane::Results, &mut answer, Timeout::NONE).ok().map(|()| answer))
}

#[test]
fn requests_of_json_rpc_are_answered() {
    let cases = [
        (r#"{"jsonrpc":"2.0","method":"echo","params":[1],"id":1}"#, r#""result":[1],"id":1"#),
        (
            r#"{"id":"a","params":{"b":[]},"method":"echo","jsonrpc":"2.0"}"#,
            r#""result":{"b":[]},"id":"a""#,
        ),
        (r#"{"jsonrpc":"2.0","method":"echo","id":null}"#, r#""result":null,"id":null"#),
        (
            r#"{"jsonrpc":"2.0","method":"f\u0061il","id":1.5}"#,
            r#""error":{"code":7,"message":"on \"purpose\""},"id":1.5"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"broken","id":1}"#,
            r#""error":{"code":-32603,"message":"the method's result is not JSON"},"id":1"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"none","id":1}"#,
            r#""error":{"code":-32601,"message":"Method not found"},"id":1"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"echo","params":1,"id":2}"#,
            r#""error":{"code":-32600,"message":"Invalid Request"},"id":2"#,
        ),
        (
            r#"{"jsonrpc":"1.0","method":"echo","id":[]}"#,
            r#""error":{"code":-32600,"message":"Invalid Request"},"id":null"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":1,"id":2}"#,
            r#""error":{"code":-32600,"message":"Invalid Request"},"id":2"#,
        ),
        (r#"1"#, r#""error":{"code":-32600,"message":"Invalid Request"},"id":null"#),
        (r#"[]"#, r#""error":{"code":-32600,"message":"Invalid Request"},"id":null"#),
        (r#"{"jsonrpc":"2.0""#, r#""error":{"code":-32700,"message":"Parse error"},"id":null"#),
        ("", r#""error":{"code":-32700,"message":"Parse error"},"id":null"#),
    ];
    for (request, answer) in cases {
        let answer = format!("{{\"jsonrpc\":\"2.0\",{answer}}}");
        assert_eq!(served(request), Some(answer), "{request}");
    }
}

#[test]
fn notifications_are_not_answered() {
    for frame in [
        r#"{"jsonrpc":"2.0","method":"echo"}"#,
        r#"{"jsonrpc":"2.0","method":"none"}"#,
        r#"[{"jsonrpc":"2.0","method":"fail"},{"jsonrpc":"2.0","method":"echo"}]"#,
    ] {
        assert_eq!(served(frame), None, "{frame}");
    }
}

#[test]
fn batches_are_answered_in_one_frame() {
    let batch = r#"[{"jsonrpc":"2.0","method":"echo","params":[1],"id":1},2,{"jsonrpc":"2.0","method":"echo"}]"#;
    let answer = r#"[{"jsonrpc":"2.0","result":[1],"id":1},{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}]"#;
    assert_eq!(served(batch).as_deref(), Some(answer));
}

/// The outcome of a call to which the other side gave these answers.
fn called(answers: &[&str]) -> Result<Vec<u8>, Error> {
    let (end, other) = pair(false);
    for answer in answers {
        other.send(Lane::Results, answer.as_bytes(), Timeout::NONE).unwrap();
    }
    Rpc::json(end).call_raw("m", b"", Timeout::FOREVER)
}

#[test]
fn answers_of_json_rpc_are_read() {
    let remote = |code, message: &str| Err(Error::Remote(Failure::new(code, message)));
    assert_eq!(called(&[r#"{"jsonrpc":"2.0","result":[1, 2],"id":1}"#]), Ok(b"[1, 2]".to_vec()));
    let error = r#"{"jsonrpc":"2.0","error":{"code":-5,"message":"\u006eo","data":1},"id":1}"#;
    assert_eq!(called(&[error]), remote(-5, "no"));
    let unread = r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"},"id":null}"#;
    assert_eq!(called(&[unread]), remote(-32700, "x"));
    // Late ones come before the right one.
    let late = r#"{"jsonrpc":"2.0","result":0,"id":0}"#;
    assert_eq!(called(&[late, r#"{"jsonrpc":"2.0","result":2,"id":1}"#]), Ok(b"2".to_vec()));
    assert_eq!(called(&[late]), Err(Error::TimedOut));
    for broken in [
        "",
        "[]",
        "{}",
        r#"{"id":1}"#,
        r#"{"result":1}"#,
        r#"{"result":1,"error":{},"id":1}"#,
        r#"{"error":{"code":1.5,"message":""},"id":1}"#,
        r#"{"error":{"code":1},"id":1}"#,
        r#"{"error":{"code":3000000000,"message":""},"id":1}"#,
        r#"{"error":"no","id":1}"#,
    ] {
        assert_eq!(called(&[broken]), Err(Error::Malformed), "{broken}");
    }
}

#[test]
fn malformed_parameters_are_not_sent() {
    let (end, other) = pair(false);
    let mut rpc = Rpc::json(end);
    for params in ["1", "[", "[1],\"id\":7", "\u{1}"] {
        assert_eq!(rpc.notify_raw("m", params.as_bytes(), Timeout::NONE), Err(Error::Malformed));
    }
    let mut rpc = Rpc::msgpack(pair(false).0);
    assert_eq!(rpc.notify_raw("m", &[0x91], Timeout::NONE), Err(Error::Malformed));
    assert_eq!(rpc.notify_raw("m", &[0xc0, 0xc0], Timeout::NONE), Err(Error::Malformed));
    assert_eq!(
        other.receive(Lane::Messages, &mut Vec::new(), Timeout::NONE),
        Err(Error::WouldBlock)
    );
}

fn both_sides<F: Framing>(make: impl Fn(Double) -> Rpc<F, Double>, one: &'static [u8]) {
    let (end, other) = pair(true);
    let (mut client, mut server) = (make(end), make(other));
    let told = Rc::new(RefCell::new(Vec::new()));
    let tell = told.clone();
    server.register_raw("echo", |params| Ok(params.to_vec()));
    server.register_raw("fail", |_| Err(Failure::new(-7, "no é")));
    server.register_raw("tell", move |params| {
        tell.borrow_mut().push(params.to_vec());
        Ok(Vec::new())
    });
    client.notify_raw("tell", one, Timeout::NONE).unwrap();
    client.notify_raw("tell", b"", Timeout::NONE).unwrap();
    // The requests go out; their answers come once the server ran.
    for method in ["echo", "fail", "none"] {
        assert_eq!(client.call_raw(method, one, Timeout::NONE), Err(Error::Closed));
    }
    assert_eq!(server.serve(), Ok(()));
    assert_eq!(*told.borrow(), [one.to_vec(), Vec::new()]);
    let outcome = |id| {
        let mut frame = Vec::new();
        client.transport.receive(Lane::Results, &mut frame, Timeout::NONE).unwrap();
        F::response(&frame, id).unwrap()
    };
    assert_eq!(outcome(1), Outcome::Done(one.to_vec()));
    assert_eq!(outcome(2), Outcome::Failed(Failure::new(-7, "no é")));
    assert_eq!(outcome(3), Outcome::Failed(Failure::new(METHOD_NOT_FOUND, "Method not found")));
}

#[test]
fn both_framings_carry_calls_there_and_back() {
    both_sides(Rpc::json, b"[1]");
    both_sides(Rpc::msgpack, &[0x91, 1]);
}

#[test]
fn broken_frames_of_messagepack_are_dropped() {
    let mut never = |_: &str, _: &[u8]| -> Result<Vec<u8>, Failure> { unreachable!() };
    let request = MsgpackRpc::request(Some(300), "method", &[0x91, 1]).unwrap();
    for end in 0..request.len() {
        assert_eq!(MsgpackRpc::serve(&request[..end], &mut never), None);
        assert_eq!(MsgpackRpc::response(&request[..end], 1), Err(Error::Malformed));
    }
    assert_eq!(MsgpackRpc::serve(&[&request[..], &[0]].concat(), &mut never), None);
    assert_eq!(MsgpackRpc::serve(&[0x94, 0, 0xff, 0xa0, 0x90], &mut never), None);
    assert_eq!(MsgpackRpc::response(&[0x94, 1, 1, 1, 0xc0], 1), Err(Error::Malformed));
    let broken = MsgpackRpc::serve(&request, &mut |_, _| Ok(vec![0x91])).unwrap();
    assert!(
        matches!(MsgpackRpc::response(&broken, 300), Ok(Outcome::Failed(failure)) if failure.code == INTERNAL_ERROR)
    );
}

#[test]
fn while_it_waits_for_an_answer_it_serves() {
    let (end, other) = pair(false);
    let mut rpc = Rpc::json(end);
    let inner = other.outgoing.clone();
    // The other side asks first, and answers only what it asked for.
    rpc.register_raw("name", move |_| {
        inner.borrow_mut()[1].push_back(br#"{"jsonrpc":"2.0","result":5,"id":1}"#.to_vec());
        Ok(b"\"guest\"".to_vec())
    });
    let question = br#"{"jsonrpc":"2.0","method":"name","id":"q"}"#;
    other.send(Lane::Messages, question, Timeout::NONE).unwrap();
    assert_eq!(rpc.call_raw("m", b"", Timeout::FOREVER), Ok(b"5".to_vec()));
    assert_eq!(rpc.call_raw("m", b"", Timeout::FOREVER), Err(Error::TimedOut));
    assert_eq!(rpc.call_raw("m", b"", Timeout::NONE), Err(Error::WouldBlock));
}

#[cfg(feature = "serde_json")]
#[test]
fn methods_over_values_of_serde() {
    let (end, other) = pair(true);
    let (mut client, mut server) = (Rpc::json(end), Rpc::json(other));
    server.register("sum", |numbers: Vec<i64>| Ok(numbers.iter().sum::<i64>()));
    server.register("nothing", |(): ()| Ok(()));
    let ask = |rpc: &mut Rpc<JsonRpc, Double>, params: &str| {
        let frame = JsonRpc::request(Some(1), "sum", params.as_bytes()).unwrap();
        rpc.transport.outgoing.borrow_mut()[0].push_back(frame);
    };
    ask(&mut client, "[1,2,3]");
    ask(&mut client, "[\"x\"]");
    client.notify("nothing", &(), Timeout::NONE).unwrap();
    server.serve().unwrap();
    client.last_id = 0;
    assert_eq!(client.call::<_, i64>("sum", &(), Timeout::NONE), Ok(6));
    client.last_id = 0;
    let failed = client.call::<_, i64>("sum", &[1], Timeout::NONE);
    assert!(matches!(failed, Err(Error::Remote(failure)) if failure.code == INVALID_PARAMS));
}
