// What the transform makes exported functions of.
import { Failure, Result } from "./result";
import * as sys from "./sys";

/** Memory for the host's input. The guest traps when there is none. */
export function wsb_alloc(size: usize): usize {
  return heap.alloc(size);
}

/** Gives memory of wsb_alloc(), or a result, back. */
export function wsb_free(memory: usize, size: usize): void {
  if (memory) heap.free(memory);
}

export function __wsb_text(data: usize, size: usize): string {
  return String.UTF8.decodeUnsafe(data, size, false);
}

export function __wsb_bytes(data: usize, size: usize): Uint8Array {
  const bytes = new Uint8Array(<i32>size);
  memory.copy(bytes.dataStart, data, size);
  return bytes;
}

/** A status, little-endian, and what belongs to it, in memory that the host gives back. */
function finish(status: i32, data: usize, length: usize): u64 {
  const result = heap.alloc(4 + length);
  store<i32>(result, status);
  memory.copy(result + 4, data, length);
  return ((<u64>result) << 32) | (4 + length);
}

function failed(failure: Failure): u64 {
  const message = sys.encode(failure.message);
  return finish(failure.code ? failure.code : 1, changetype<usize>(message), message.byteLength);
}

export function __wsb_done_text(text: string): u64 {
  const bytes = sys.encode(text);
  return finish(0, changetype<usize>(bytes), bytes.byteLength);
}

export function __wsb_done_bytes(bytes: Uint8Array): u64 {
  return finish(0, bytes.dataStart, bytes.length);
}

export function __wsb_result_text(result: Result<string>): u64 {
  const failure = result.failure;
  return failure === null ? __wsb_done_text(result.value) : failed(failure);
}

export function __wsb_result_bytes(result: Result<Uint8Array>): u64 {
  const failure = result.failure;
  return failure === null ? __wsb_done_bytes(result.value) : failed(failure);
}
