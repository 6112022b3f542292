/**
 * For guests of wasm-sandbox in AssemblyScript. Functions that the host calls are marked:
 *
 *     import { Result } from "wasm-sandbox-guest";
 *
 *     // @ts-ignore: decorator
 *     @exported("bytes")
 *     function reverse(input: Uint8Array): Result<Uint8Array> {
 *       if (input.length == 0) return Result.fail<Uint8Array>(22, "nothing to reverse");
 *       return Result.of<Uint8Array>(input.reverse());
 *     }
 *
 * and compiled with
 *
 *     asc guest.ts -O --transform wasm-sandbox-guest/transform -o guest.wasm
 */
export { Failure, Result, Code, BAD_INPUT } from "./assembly/result";
export { Channel, Lane, Events, Wait, wait, NO_WAIT, FOREVER, MILLISECOND, SECOND } from "./assembly/channel";
export { Encoding, callHost, callHostJson, callHostBytes } from "./assembly/host";
export { Rpc, Method, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR } from "./assembly/rpc";
export { quote, unquote, isJson, members, elements } from "./assembly/json";
export {
  wsb_alloc,
  wsb_free,
  __wsb_text,
  __wsb_bytes,
  __wsb_done_text,
  __wsb_done_bytes,
  __wsb_result_text,
  __wsb_result_bytes,
} from "./assembly/export";
