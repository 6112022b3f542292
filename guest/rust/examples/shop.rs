//! A guest with values of serde: typed functions, calls of the host, and JSON-RPC.
//!
//!     cargo build --release --target wasm32-wasip1 --example shop --features serde_json

use serde_json::{json, Value};
use wasm_sandbox_guest::{export, host, Channel, Error, Failure, Json, Rpc, Timeout};

export! { greet: json, total: json, serve: json, ask: json }

fn greet(Json(name): Json<String>) -> Result<Json<String>, Failure> {
    if name.is_empty() {
        return Err(Failure::new(22, "greet takes a name"));
    }
    Ok(Json(format!("Hello, {name}!")))
}

/// The sum of the items' prices, which the host knows.
fn total(Json(items): Json<Vec<String>>) -> Result<Json<f64>, Error> {
    let mut sum = 0.0;
    for item in &items {
        sum += host::call::<_, f64>("price", item)?;
    }
    Ok(Json(sum))
}

/// Adds numbers for the host until the channel is closed; gives how many requests that were.
fn serve(_: &str) -> Result<Json<u32>, Error> {
    let mut rpc = Rpc::json(Channel::open("rpc")?);
    rpc.register("add", |numbers: Vec<f64>| Ok(numbers.iter().sum::<f64>()));
    rpc.register("refuse", |(): ()| Err::<Value, _>(Failure::new(7, "not today")));
    let mut served = 0;
    loop {
        match rpc.serve_one(Timeout::FOREVER) {
            Ok(()) => served += 1,
            Err(Error::Closed) => return Ok(Json(served)),
            Err(error) => return Err(error),
        }
    }
}

/// What the host makes of 21, and the code of a method that it does not have.
fn ask(_: &str) -> Result<Json<Value>, Error> {
    let mut rpc = Rpc::json(Channel::open("rpc")?);
    let doubled: i64 = rpc.call("double", &[21], Timeout::FOREVER)?;
    let missing = rpc.call::<_, Value>("missing", &(), Timeout::FOREVER).unwrap_err();
    rpc.notify("done", &json!({ "doubled": doubled }), Timeout::FOREVER)?;
    Ok(Json(json!([doubled, missing.code()])))
}
