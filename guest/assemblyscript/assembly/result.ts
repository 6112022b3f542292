/** The code of input that cannot be read, as that of JSON-RPC's invalid parameters. */
export const BAD_INPUT: i32 = -32602;

/** The errors of the host itself. */
export enum Code {
  /** An argument that the host refuses: a closed handle, an encoding that does not go together. */
  Invalid = -1,
  /** There is nothing of that name, or it is not granted. */
  NotFound = -2,
  /** It would have had to wait, and the timeout was NO_WAIT. */
  WouldBlock = -3,
  /** It waited for all of the timeout. */
  TimedOut = -4,
  /** The channel is closed, and everything in it was received. */
  Closed = -5,
  /** The message is larger than the channel, or the data than what is accepted. */
  TooLarge = -6,
  /** The host has no handle or no memory left for it. */
  NoRoom = -7,
  /** The host's side failed. */
  Io = -8,
  /** Not well-formed. */
  Malformed = -9,
}

/** Why something failed: a code and a message for people. */
export class Failure {
  constructor(
    /** Of `Code` where the host refused, or what the other side chose. */
    public code: i32,
    public message: string,
    /** Whether a host function, or the other side's method, reported it. */
    public isRemote: bool = false
  ) {}

  /** From a negative result of the host. */
  static ofHost(result: i64): Failure {
    const code: i32 = result < i32.MIN_VALUE ? i32.MIN_VALUE : <i32>result;
    return new Failure(code, describe(code));
  }
}

function describe(code: i32): string {
  switch (code) {
    case Code.Invalid: return "the host refuses an argument";
    case Code.NotFound: return "not found, or not granted";
    case Code.WouldBlock: return "it would have to wait";
    case Code.TimedOut: return "timed out";
    case Code.Closed: return "the channel is closed";
    case Code.TooLarge: return "too large";
    case Code.NoRoom: return "the host has no room for it";
    case Code.Io: return "the host's side failed";
    case Code.Malformed: return "not well-formed";
    default: return "the host's error " + code.toString();
  }
}

/** A value, or a failure: AssemblyScript catches no exceptions. */
export class Result<T> {
  private constructor(private inner: T, public failure: Failure | null) {}

  static of<T>(value: T): Result<T> {
    return new Result<T>(value, null);
  }

  static fail<T>(code: i32, message: string): Result<T> {
    return Result.failed<T>(new Failure(code, message));
  }

  /** Passes a failure on. */
  static failed<T>(failure: Failure | null): Result<T> {
    assert(failure !== null, "there is no failure to pass on");
    return new Result<T>(changetype<T>(0), failure);
  }

  get ok(): bool {
    return this.failure === null;
  }

  /** 0, or the failure's code. */
  get code(): i32 {
    const failure = this.failure;
    return failure === null ? 0 : failure.code;
  }

  /** The value. The guest traps where there is none: look at `ok` before. */
  get value(): T {
    assert(this.ok, "the value of a failure");
    return this.inner;
  }
}
