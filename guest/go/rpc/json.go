package rpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"wasmsandbox/guest"
)

type jsonFraming struct{}

const (
	parseError     = -32700
	invalidRequest = -32600
)

var null = json.RawMessage("null")

// members reads an object's members as they are written. Names are exact, which encoding/json's are
// not in structs.
func members(object []byte) (map[string]json.RawMessage, bool) {
	var found map[string]json.RawMessage
	err := json.Unmarshal(object, &found)
	return found, err == nil && found != nil
}

func starts(value json.RawMessage, characters string) bool {
	return len(value) > 0 && bytes.IndexByte([]byte(characters), value[0]) >= 0
}

// isText tells whether it is one whole JSON value.
func isText(text []byte) bool {
	return utf8.Valid(text) && json.Valid(text)
}

// quote writes a string; what is not UTF-8 is replaced.
func quote(text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // Every string can be written.
	}
	return quoted
}

func (jsonFraming) request(id *uint32, method string, params []byte) ([]byte, error) {
	frame := fmt.Appendf(nil, `{"jsonrpc":"2.0","method":%s`, quote(method))
	if len(params) > 0 {
		params = bytes.TrimSpace(params)
		if !isText(params) || !starts(params, "[{") {
			return nil, guest.ErrMalformed
		}
		frame = fmt.Appendf(frame, `,"params":%s`, params)
	}
	if id != nil {
		frame = fmt.Appendf(frame, `,"id":%d`, *id)
	}
	return append(frame, '}'), nil
}

func (jsonFraming) response(frame []byte, id uint32) ([]byte, bool, error) {
	response, known := members(frame)
	of, hasID := response["id"]
	result, done := response["result"]
	failed, hasFailed := response["error"]
	if !known || !hasID || !utf8.Valid(frame) {
		return nil, false, guest.ErrMalformed
	}
	// With null the other side could not read a request of ours, not even its id.
	if string(of) != fmt.Sprint(id) && !(hasFailed && string(of) == "null") {
		return nil, false, nil
	}
	if done == hasFailed {
		return nil, false, guest.ErrMalformed
	}
	if done {
		return result, true, nil
	}
	failure, known := readFailure(failed)
	if !known {
		return nil, false, guest.ErrMalformed
	}
	return nil, true, failure
}

func readFailure(text []byte) (*guest.Failure, bool) {
	failed, known := members(text)
	code, message := failed["code"], failed["message"]
	failure := &guest.Failure{}
	known = known && starts(code, "-0123456789") && json.Unmarshal(code, &failure.Code) == nil
	known = known && starts(message, `"`) && json.Unmarshal(message, &failure.Message) == nil
	return failure, known
}

type serveFunc = func(method string, params []byte) ([]byte, error)

func (jsonFraming) serve(frame []byte, serve serveFunc) []byte {
	frame = bytes.TrimSpace(frame)
	if !isText(frame) {
		return failed(null, guest.Fail(parseError, "Parse error"))
	}
	if !starts(frame, "[") {
		return serveJSON(frame, serve)
	}
	var calls []json.RawMessage
	if err := json.Unmarshal(frame, &calls); err != nil || len(calls) == 0 {
		return failed(null, guest.Fail(invalidRequest, "Invalid Request"))
	}
	var answers [][]byte
	for _, call := range calls {
		if answer := serveJSON(call, serve); answer != nil {
			answers = append(answers, answer)
		}
	}
	if answers == nil {
		return nil
	}
	return fmt.Appendf(nil, "[%s]", bytes.Join(answers, []byte(",")))
}

// call is a request or a notification, which has no id.
type call struct {
	method     string
	params, id json.RawMessage
}

// readCall tells also whether it is one by the specification.
func readCall(text []byte) (call, bool) {
	found, known := members(text)
	method, params, id := found["method"], found["params"], found["id"]
	if id != nil && string(id) != "null" && !starts(id, `"-0123456789`) {
		return call{}, false
	}
	read := call{params: params, id: id}
	known = known && string(found["jsonrpc"]) == `"2.0"` && (params == nil || starts(params, "[{"))
	known = known && starts(method, `"`) && json.Unmarshal(method, &read.method) == nil
	return read, known
}

func serveJSON(text []byte, serve serveFunc) []byte {
	call, valid := readCall(text)
	if !valid {
		id := call.id
		if id == nil {
			id = null
		}
		return failed(id, guest.Fail(invalidRequest, "Invalid Request"))
	}
	result, err := serve(call.method, call.params)
	switch {
	case call.id == nil:
		return nil
	case err != nil:
		return failed(call.id, err)
	case len(result) == 0:
		result = null
	case !isText(result):
		return failed(call.id, guest.Fail(InternalError, "the method's result is not JSON"))
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","result":%s,"id":%s}`, result, call.id)
}

func failed(id json.RawMessage, err error) []byte {
	failure := guest.AsFailure(err)
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","error":{"code":%d,"message":%s},"id":%s}`,
		failure.Code, quote(failure.Message), id)
}
