import { BAD_INPUT, Code, Failure, Result } from "./result";
import { Channel, Events, FOREVER, Lane, NO_WAIT, Wait, wait } from "./channel";
import { elements, isJson, members, quote, unquote } from "./json";

/** The codes of JSON-RPC 2.0 that a method may use. */
export const METHOD_NOT_FOUND: i32 = -32601;
export const INVALID_PARAMS: i32 = BAD_INPUT;
export const INTERNAL_ERROR: i32 = -32603;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;

/** Serves calls: it gets the parameters as JSON text, empty where there are none, and gives the
 * result as JSON text, empty for null. */
export type Method = (params: string) => Result<string>;

/**
 * One side of a conversation in JSON-RPC 2.0 over a channel: calls the host's methods and serves
 * its own. Requests and notifications travel as messages, responses as results. Nothing else may
 * use the channel's end.
 */
export class Rpc {
  private methods: Map<string, Method> = new Map<string, Method>();
  private lastId: u32 = 0;

  constructor(private channel: Channel) {}

  /**
   * Calls a method of the other side and gives its result. While it waits for the answer it serves
   * what the other side asks, if methods are registered. Without a clock the timeout counts anew
   * after each frame that came meanwhile.
   *
   * @param params an array or object in JSON; empty: none
   */
  call(method: string, params: string = "", timeout: i64 = FOREVER): Result<string> {
    const id = (++this.lastId).toString();
    const sent = this.ask(method, params, ',"id":' + id, timeout);
    if (sent !== null) return Result.failed<string>(sent);
    while (true) {
      const frame = this.nextResult(timeout);
      if (!frame.ok) return frame;
      const answer = readAnswer(frame.value, id);
      // Null: an answer to a call that was given up.
      if (answer !== null) return answer;
    }
  }

  /** Tells the other side, which gives no answer. The timeout is for room in the channel. */
  notify(method: string, params: string = "", timeout: i64 = FOREVER): Failure | null {
    return this.ask(method, params, "", timeout);
  }

  /** Offers a method. One that was there under the name is replaced. */
  register(method: string, serve: Method): void {
    this.methods.set(method, serve);
  }

  /** Serves until the channel is closed. */
  serve(): Failure | null {
    while (true) {
      const failure = this.serveOne(FOREVER);
      if (failure !== null) return failure.code == Code.Closed ? null : failure;
    }
  }

  /** Serves one frame of the other side: a request, a notification, or a batch. */
  serveOne(timeout: i64 = FOREVER): Failure | null {
    const frame = this.channel.receiveText(Lane.Messages, timeout);
    if (!frame.ok) return frame.failure;
    const answer = this.answer(frame.value);
    return answer.length ? this.channel.sendText(Lane.Results, answer, FOREVER) : null;
  }

  private ask(method: string, params: string, id: string, timeout: i64): Failure | null {
    let frame = '{"jsonrpc":"2.0","method":' + quote(method);
    if (params.length) {
      const text = params.trim();
      if (!isList(text) || !isJson(text)) return Failure.ofHost(Code.Malformed);
      frame += ',"params":' + text;
    }
    return this.channel.sendText(Lane.Messages, frame + id + "}", timeout);
  }

  private nextResult(timeout: i64): Result<string> {
    if (this.methods.size == 0) return this.channel.receiveText(Lane.Results, timeout);
    while (true) {
      const result = this.channel.receiveText(Lane.Results, NO_WAIT);
      if (result.code != Code.WouldBlock) return result;
      const served = this.serveOne(NO_WAIT);
      if (served === null) continue;
      if (served.code != Code.WouldBlock || timeout == NO_WAIT) return Result.failed<string>(served);
      const waited = wait([new Wait(this.channel, Events.CanReceive | Events.CanReceiveResult)], timeout);
      if (!waited.ok) return Result.failed<string>(waited.failure);
    }
  }

  /** The answer to a frame; empty where it wants none. */
  private answer(frame: string): string {
    if (!isJson(frame)) return refuse("null", PARSE_ERROR, "Parse error");
    const calls = elements(frame);
    if (calls === null) return this.answerOne(frame);
    if (calls.length == 0) return refuse("null", INVALID_REQUEST, "Invalid Request");
    let answers = "";
    for (let i = 0; i < calls.length; i++) {
      const answer = this.answerOne(calls[i]);
      if (answer.length) answers += (answers.length ? "," : "") + answer;
    }
    return answers.length ? "[" + answers + "]" : "";
  }

  private answerOne(text: string): string {
    const call = members(text);
    const id = call !== null && call.has("id") ? call.get("id") : "";
    const method = call !== null ? methodOf(call) : null;
    if (call === null || method === null || (id.length && !isId(id))) {
      return refuse(isId(id) ? id : "null", INVALID_REQUEST, "Invalid Request");
    }
    const result = this.run(method, call.has("params") ? call.get("params") : "");
    if (!id.length) return "";
    const failure = result.failure;
    if (failure !== null) return refuse(id, failure.code, failure.message);
    const value = result.value.length ? result.value : "null";
    if (!isJson(value)) return refuse(id, INTERNAL_ERROR, "the method's result is not JSON");
    return '{"jsonrpc":"2.0","result":' + value + ',"id":' + id + "}";
  }

  private run(method: string, params: string): Result<string> {
    if (!this.methods.has(method)) return Result.fail<string>(METHOD_NOT_FOUND, "Method not found");
    return this.methods.get(method)(params);
  }
}

function refuse(id: string, code: i32, message: string): string {
  return '{"jsonrpc":"2.0","error":{"code":' + code.toString() + ',"message":' + quote(message) + '},"id":' + id + "}";
}

function isList(text: string): bool {
  return text.startsWith("[") || text.startsWith("{");
}

/** A string, a number or null. */
function isId(text: string): bool {
  return text.length > 0 && (text == "null" || '"-0123456789'.includes(text.charAt(0)));
}

/** The method of a call that is one by the specification. */
function methodOf(call: Map<string, string>): string | null {
  if (!call.has("jsonrpc") || call.get("jsonrpc") != '"2.0"' || !call.has("method")) return null;
  if (call.has("params") && !isList(call.get("params"))) return null;
  return unquote(call.get("method"));
}

/** What a response says to the call; null where it is another's. */
function readAnswer(frame: string, id: string): Result<string> | null {
  const response = members(frame);
  const malformed = Result.failed<string>(Failure.ofHost(Code.Malformed));
  if (response === null || !response.has("id")) return malformed;
  const answered = response.get("id");
  const hasError = response.has("error");
  // With null the other side could not read a request of ours, not even its id.
  if (answered != id && !(answered == "null" && hasError)) return null;
  if (hasError == response.has("result")) return malformed;
  if (!hasError) return Result.of(response.get("result"));
  const failure = readFailure(response.get("error"));
  return failure === null ? malformed : Result.failed<string>(failure);
}

function readFailure(text: string): Failure | null {
  const error = members(text);
  if (error === null || !error.has("code") || !error.has("message")) return null;
  const code = error.get("code");
  const message = unquote(error.get("message"));
  if (message === null || !isJson(code)) return null;
  // An integer of 32 bits: others are written differently.
  const number = <i32>I64.parseInt(code);
  return number.toString() == code ? new Failure(number, message, true) : null;
}
