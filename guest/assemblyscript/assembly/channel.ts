import { Code, Failure, Result } from "./result";
import * as sys from "./sys";

/** Timeouts are in nanoseconds. The deadline of the host's call into the guest holds in any case.
 * This one is not to wait: what cannot be done at once is Code.WouldBlock. */
export const NO_WAIT: i64 = 0;
/** Without end. */
export const FOREVER: i64 = -1;
export const MILLISECOND: i64 = 1000000;
export const SECOND: i64 = 1000000000;

/** The two lanes, which do not hold each other up. */
export enum Lane {
  Messages = 0,
  Results = 1,
}

/** What can be waited for; `|` joins several. Each also happens when the channel is closed. */
export enum Events {
  CanReceive = 1,
  CanSend = 2,
  CanReceiveResult = 4,
  CanSendResult = 8,
}

/** The guest's end of a channel: whole messages to and from the host. */
export class Channel {
  private constructor(public readonly handle: i32) {}

  /** Opens a channel that the host granted under that name. Opened twice, it is the same end. */
  static open(name: string): Result<Channel> {
    const bytes = sys.encode(name);
    const handle = sys.channelOpen(changetype<usize>(bytes), bytes.byteLength);
    if (handle < 0) return Result.failed<Channel>(Failure.ofHost(handle));
    return Result.of(new Channel(handle));
  }

  /** Sends a message, and waits for room; null is success. */
  send(message: Uint8Array, timeout: i64 = FOREVER): Failure | null {
    return this.sendOn(Lane.Messages, message, timeout);
  }

  /** Receives the oldest message. */
  receive(timeout: i64 = FOREVER): Result<Uint8Array> {
    return this.receiveOn(Lane.Messages, timeout);
  }

  /** Sends on the lane of results. */
  sendResult(result: Uint8Array, timeout: i64 = FOREVER): Failure | null {
    return this.sendOn(Lane.Results, result, timeout);
  }

  /** Receives on the lane of results. */
  receiveResult(timeout: i64 = FOREVER): Result<Uint8Array> {
    return this.receiveOn(Lane.Results, timeout);
  }

  /** Sends text as UTF-8. */
  sendText(lane: Lane, text: string, timeout: i64 = FOREVER): Failure | null {
    return this.sendOn(lane, Uint8Array.wrap(sys.encode(text)), timeout);
  }

  /** Receives text in UTF-8. */
  receiveText(lane: Lane, timeout: i64 = FOREVER): Result<string> {
    const received = this.receiveOn(lane, timeout);
    if (!received.ok) return Result.failed<string>(received.failure);
    return Result.of(sys.decode(received.value));
  }

  /** Sends on either lane. */
  sendOn(lane: Lane, message: Uint8Array, timeout: i64 = FOREVER): Failure | null {
    const sent = sys.channelSend(this.handle, lane, message.dataStart, message.length, timeout);
    return sent < 0 ? Failure.ofHost(sent) : null;
  }

  /** Receives on either lane. */
  receiveOn(lane: Lane, timeout: i64 = FOREVER): Result<Uint8Array> {
    let room = new Uint8Array(sys.FIRST_ROOM);
    while (true) {
      const received = sys.channelReceive(this.handle, lane, room.dataStart, room.length, timeout);
      if (received < 0) return Result.failed<Uint8Array>(Failure.ofHost(received));
      const length = sys.lengthOf(received);
      if (length < 0) return Result.failed<Uint8Array>(Failure.ofHost(Code.TooLarge));
      if (length <= room.length) return Result.of(sys.head(room, length));
      // The host keeps it for the next call.
      room = new Uint8Array(length);
    }
  }

  /** Closes the handle. */
  close(): Failure | null {
    const closed = sys.channelClose(this.handle);
    return closed < 0 ? Failure.ofHost(closed) : null;
  }
}

/** A channel and what it is waited for. */
export class Wait {
  /** Those that happened, after wait(). */
  ready: i32 = 0;

  constructor(public channel: Channel, public events: i32) {}
}

const ENTRY_SIZE: i32 = 12;
const MAX_WAITS: i32 = 64;

/** Waits until something happens on one of up to 64 channels. How many are ready; which, each of
 * them says. */
export function wait(waits: Wait[], timeout: i64 = FOREVER): Result<i32> {
  if (waits.length == 0 || waits.length > MAX_WAITS) return Result.failed<i32>(Failure.ofHost(Code.Invalid));
  const entries = new Uint8Array(waits.length * ENTRY_SIZE);
  for (let i = 0; i < waits.length; i++) {
    const entry = entries.dataStart + i * ENTRY_SIZE;
    store<i32>(entry, waits[i].channel.handle);
    store<i32>(entry, waits[i].events, 4);
  }
  const ready = sys.channelWait(entries.dataStart, waits.length, timeout);
  for (let i = 0; i < waits.length; i++) {
    waits[i].ready = ready > 0 ? load<i32>(entries.dataStart + i * ENTRY_SIZE, 8) : 0;
  }
  return ready < 0 ? Result.failed<i32>(Failure.ofHost(ready)) : Result.of(ready);
}
