// Functions that a host calls, calls of the host, channels, and JSON-RPC.
//
//     asc shop.ts -O --transform wasm-sandbox-guest/transform -o shop.wasm
import {
  Channel, Code, Events, FOREVER, INVALID_PARAMS, MILLISECOND, NO_WAIT, Result, Rpc, SECOND, Wait,
  callHostBytes, callHostJson, elements, quote, unquote, wait,
} from "wasm-sandbox-guest";

// @ts-ignore: decorator
@exported("json")
function greet(input: string): Result<string> {
  const name = unquote(input);
  if (name === null || name.length == 0) return Result.fail<string>(22, "greet takes a name");
  return Result.of(quote("Hello, " + name + "!"));
}

// @ts-ignore: decorator
@exported("bytes")
function reverse(input: Uint8Array): Result<Uint8Array> {
  if (input.length == 0) return Result.fail<Uint8Array>(22, "nothing to reverse");
  return Result.of<Uint8Array>(input.reverse());
}

/** Lets the host do it. */
// @ts-ignore: decorator
@exported("bytes")
function checksum(input: Uint8Array): Result<Uint8Array> {
  return callHostBytes("checksum", input);
}

/** The sum of the items' prices, which the host knows. */
// @ts-ignore: decorator
@exported("json")
function total(input: string): Result<string> {
  const items = elements(input);
  if (items === null) return Result.fail<string>(INVALID_PARAMS, "total takes a list of items");
  let sum: f64 = 0;
  for (let i = 0; i < items.length; i++) {
    const price = callHostJson("price", items[i]);
    if (!price.ok) return price;
    sum += parseFloat(price.value);
  }
  return Result.of(sum.toString());
}

/** Works on messages until "stop", each with a result; gives their number. */
// @ts-ignore: decorator
@exported("json")
function work(_: string): Result<string> {
  const jobs = Channel.open("jobs");
  if (!jobs.ok) return Result.failed<string>(jobs.failure);
  let done = 0;
  while (true) {
    const job = jobs.value.receive();
    if (!job.ok) return Result.failed<string>(job.failure);
    const bytes = job.value;
    if (String.UTF8.decode(bytes.slice().buffer) == "stop") return Result.of(done.toString());
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] >= 0x61 && bytes[i] <= 0x7a) bytes[i] -= 0x20;
    }
    const sent = jobs.value.sendResult(bytes);
    if (sent !== null) return Result.failed<string>(sent);
    done++;
  }
}

/** The codes of a channel that is not granted, of one without messages, of one that is closed, and
 * of a function that the host lacks. */
// @ts-ignore: decorator
@exported("json")
function probe(_: string): string {
  const jobs = Channel.open("jobs").value;
  const codes = [
    Channel.open("nothing").code,
    jobs.receive(NO_WAIT).code,
    jobs.receiveResult(MILLISECOND).code,
    Channel.open("closed").value.receive(FOREVER).code,
    callHostBytes("nothing", new Uint8Array(0)).code,
  ];
  jobs.close();
  return "[" + codes.join(",") + "]";
}

/** Waits for messages on either channel until both said "stop"; gives how many came on each. */
// @ts-ignore: decorator
@exported("json")
function listen(_: string): Result<string> {
  const waits = [
    new Wait(Channel.open("jobs").value, Events.CanReceive),
    new Wait(Channel.open("orders").value, Events.CanReceive),
  ];
  const counts = [0, 0];
  for (let stopped = 0; stopped < 2; ) {
    const ready = wait(waits);
    if (!ready.ok) return Result.failed<string>(ready.failure);
    for (let i = 0; i < waits.length; i++) {
      if (!(waits[i].ready & Events.CanReceive)) continue;
      const message = waits[i].channel.receiveText(0, NO_WAIT);
      if (!message.ok) return message;
      counts[i]++;
      if (message.value == "stop") stopped++;
    }
  }
  return Result.of("[" + counts.join(",") + "]");
}

function add(params: string): Result<string> {
  const numbers = elements(params);
  if (numbers === null) return Result.fail<string>(INVALID_PARAMS, "add takes a list of numbers");
  let sum: f64 = 0;
  for (let i = 0; i < numbers.length; i++) {
    const number = parseFloat(numbers[i]);
    if (isNaN(number)) return Result.fail<string>(INVALID_PARAMS, "not a number");
    sum += number;
  }
  return Result.of(sum.toString());
}

/** Adds numbers for the host until the channel is closed; gives how many requests that were. */
// @ts-ignore: decorator
@exported("json")
function serve(_: string): Result<string> {
  const rpc = new Rpc(Channel.open("rpc").value);
  rpc.register("add", add);
  rpc.register("refuse", (_: string): Result<string> => Result.fail<string>(7, "not today"));
  let served = 0;
  while (true) {
    const failure = rpc.serveOne();
    if (failure !== null) {
      return failure.code == Code.Closed ? Result.of(served.toString()) : Result.failed<string>(failure);
    }
    served++;
  }
}

/** What the host makes of 21, and the code of a method that it does not have. */
// @ts-ignore: decorator
@exported("json")
function ask(_: string): Result<string> {
  const rpc = new Rpc(Channel.open("rpc").value);
  const doubled = rpc.call("double", "[21]", 10 * SECOND);
  if (!doubled.ok) return doubled;
  const missing = rpc.call("missing");
  const told = rpc.notify("done", '{"doubled":' + doubled.value + "}");
  if (told !== null) return Result.failed<string>(told);
  return Result.of("[" + doubled.value + "," + missing.code.toString() + "]");
}
