import { Code, Failure, Result } from "./result";
import * as sys from "./sys";

/** How input and output of a host function are written. The host transcodes between JSON and
 * MessagePack; bytes go with functions of bytes only. */
export enum Encoding {
  Json = 0,
  Msgpack = 1,
  Bytes = 2,
}

/** Calls a host function with JSON text; gives JSON text. What the function reports is a failure
 * with its code and message. */
export function callHostJson(name: string, input: string): Result<string> {
  const answer = callHost(name, Encoding.Json, Uint8Array.wrap(sys.encode(input)));
  if (!answer.ok) return Result.failed<string>(answer.failure);
  return Result.of(sys.decode(answer.value));
}

/** Calls a host function of bytes. */
export function callHostBytes(name: string, input: Uint8Array): Result<Uint8Array> {
  return callHost(name, Encoding.Bytes, input);
}

/** Calls a host function with input as it is written. */
export function callHost(name: string, encoding: Encoding, input: Uint8Array): Result<Uint8Array> {
  const text = sys.encode(name);
  let room = new Uint8Array(sys.FIRST_ROOM);
  let answer = sys.hostCall(
    changetype<usize>(text), text.byteLength, encoding, input.dataStart, input.length, room.dataStart, room.length
  );
  while (answer > room.length) {
    const length = sys.lengthOf(answer);
    if (length < 0) return Result.failed<Uint8Array>(Failure.ofHost(Code.TooLarge));
    room = new Uint8Array(length);
    answer = sys.hostTake(room.dataStart, room.length);
  }
  if (answer < 0) return Result.failed<Uint8Array>(Failure.ofHost(answer));
  return open(sys.head(room, <i32>answer));
}

/** Takes the status off an answer. */
function open(answer: Uint8Array): Result<Uint8Array> {
  if (answer.length < 4) return Result.failed<Uint8Array>(Failure.ofHost(Code.Malformed));
  const status = load<i32>(answer.dataStart);
  const payload = answer.subarray(4);
  if (status == 0) return Result.of(payload);
  return Result.failed<Uint8Array>(new Failure(status, sys.decode(payload), true));
}
