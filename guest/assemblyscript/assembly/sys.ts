// The host's side as it is. Only what is used becomes an import of the guest.

// @ts-ignore: decorator
@external("wsb_channel", "open")
export declare function channelOpen(name: usize, nameLength: usize): i32;

// @ts-ignore: decorator
@external("wsb_channel", "send")
export declare function channelSend(handle: i32, lane: i32, data: usize, length: usize, timeout: i64): i32;

// @ts-ignore: decorator
@external("wsb_channel", "receive")
export declare function channelReceive(handle: i32, lane: i32, out: usize, room: usize, timeout: i64): i64;

// @ts-ignore: decorator
@external("wsb_channel", "wait")
export declare function channelWait(entries: usize, count: usize, timeout: i64): i32;

// @ts-ignore: decorator
@external("wsb_channel", "close")
export declare function channelClose(handle: i32): i32;

// @ts-ignore: decorator
@external("wsb_host", "call")
export declare function hostCall(
  name: usize, nameLength: usize, encoding: i32, input: usize, inputLength: usize, out: usize, room: usize
): i64;

// @ts-ignore: decorator
@external("wsb_host", "take")
export declare function hostTake(out: usize, room: usize): i64;

/** Room for an answer that is not known yet: most fit, and need no second call. */
export const FIRST_ROOM: i32 = 4096;

/** UTF-8, with what is no text replaced. */
export function encode(text: string): ArrayBuffer {
  return String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE);
}

export function decode(bytes: Uint8Array): string {
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length, false);
}

/** A view of the first bytes. */
export function head(room: Uint8Array, length: i32): Uint8Array {
  return Uint8Array.wrap(room.buffer, 0, length);
}

/** As a length in memory; -1 for one that no memory has. */
export function lengthOf(result: i64): i32 {
  return result > i32.MAX_VALUE ? -1 : <i32>result;
}
