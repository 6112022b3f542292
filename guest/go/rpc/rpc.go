// Package rpc has remote procedure calls over a channel, in both directions: a guest calls the
// host's methods and serves its own. Requests and notifications travel as messages, responses as
// results.
//
//	conn := rpc.JSON(jobs)
//	rpc.Handle(conn, "add", func(numbers [2]int) (int, error) { return numbers[0] + numbers[1], nil })
//	var name string
//	err := conn.Call("name", nil, &name, time.Second)
//	err = conn.Serve()
package rpc

import (
	"encoding/json"
	"errors"
	"time"

	"wasmsandbox/guest"
	"wasmsandbox/guest/channel"
)

// The codes of JSON-RPC 2.0 that a method may use; used in both framings.
const (
	MethodNotFound = -32601
	InvalidParams  = guest.BadInput
	InternalError  = -32603
)

// Transport is what frames travel on: a channel, or a double of one in a test.
type Transport interface {
	SendOn(lane channel.Lane, frame []byte, timeout time.Duration) error
	ReceiveOn(lane channel.Lane, buffer []byte, timeout time.Duration) ([]byte, error)
	// WaitReceive waits until there is something to receive on either lane.
	WaitReceive(timeout time.Duration) error
}

// Method serves calls: it gets the parameters as they came, empty where there are none, and gives
// the result, empty for null. The parameters are valid until it returns.
type Method func(params []byte) ([]byte, error)

// Conn is one side of an RPC conversation, for one goroutine at a time. Nothing else may use the
// channel's end.
type Conn struct {
	transport Transport
	framing   framing
	methods   map[string]Method
	lastID    uint32
}

// framing is how calls are written.
type framing interface {
	// request writes a request, or a notification where id is nil.
	request(id *uint32, method string, params []byte) ([]byte, error)
	// response reads an answer on behalf of the call id; mine is false where it is another's.
	response(frame []byte, id uint32) (result []byte, mine bool, err error)
	// serve serves what a frame asks for; the answer is nil where it wants none.
	serve(frame []byte, serve func(method string, params []byte) ([]byte, error)) []byte
}

// Msgpack speaks MessagePack-RPC on a channel; parameters and results are MessagePack.
//
// https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md
func Msgpack(transport Transport) *Conn {
	return &Conn{transport: transport, framing: msgpackFraming{}, methods: map[string]Method{}}
}

// JSONConn speaks JSON-RPC 2.0, with values of encoding/json; raw parameters and results are JSON
// text.
//
// https://www.jsonrpc.org/specification
type JSONConn struct{ Conn }

// JSON speaks JSON-RPC 2.0 on a channel.
func JSON(transport Transport) *JSONConn {
	return &JSONConn{Conn{transport: transport, framing: jsonFraming{}, methods: map[string]Method{}}}
}

// Call calls a method with params that are written as an array or object, nil for none, and reads
// its result into what result points to, unless that is nil. The other side's error is a
// *guest.Failure.
func (c *JSONConn) Call(method string, params, result any, timeout time.Duration) error {
	text, err := marshalParams(params)
	if err != nil {
		return err
	}
	if text, err = c.CallRaw(method, text, timeout); err != nil || result == nil {
		return err
	}
	return json.Unmarshal(text, result)
}

// Notify tells the other side, with params as those of Call.
func (c *JSONConn) Notify(method string, params any, timeout time.Duration) error {
	text, err := marshalParams(params)
	if err != nil {
		return err
	}
	return c.NotifyRaw(method, text, timeout)
}

func marshalParams(params any) ([]byte, error) {
	if params == nil {
		return nil, nil
	}
	return json.Marshal(params)
}

// Handle offers a method over values of encoding/json. Parameters that it does not take are
// answered with InvalidParams; missing ones are read as null.
func Handle[In, Out any](c *JSONConn, method string, serve func(In) (Out, error)) {
	c.HandleRaw(method, func(params []byte) ([]byte, error) {
		var input In
		if len(params) == 0 {
			params = []byte("null")
		}
		if err := json.Unmarshal(params, &input); err != nil {
			return nil, guest.Fail(InvalidParams, "%v", err)
		}
		output, err := serve(input)
		if err != nil {
			return nil, err
		}
		return json.Marshal(output)
	})
}

// HandleRaw offers a method. One that was there under the name is replaced.
func (c *Conn) HandleRaw(method string, serve Method) {
	c.methods[method] = serve
}

// CallRaw calls a method of the other side. While it waits for the answer it serves what the other
// side asks, if there are methods. The parameters are an array, object or map, or empty for none.
func (c *Conn) CallRaw(method string, params []byte, timeout time.Duration) ([]byte, error) {
	left := countdown(timeout)
	c.lastID++
	id := c.lastID
	request, err := c.framing.request(&id, method, params)
	if err != nil {
		return nil, err
	}
	if err := c.transport.SendOn(channel.Messages, request, timeout); err != nil {
		return nil, err
	}
	for {
		frame, err := c.nextResult(left)
		if err != nil {
			return nil, err
		}
		// Not mine: an answer to a call that was given up.
		if result, mine, err := c.framing.response(frame, id); mine || err != nil {
			return result, err
		}
	}
}

// NotifyRaw tells the other side, which gives no answer. The timeout is for room in the channel.
func (c *Conn) NotifyRaw(method string, params []byte, timeout time.Duration) error {
	notification, err := c.framing.request(nil, method, params)
	if err != nil {
		return err
	}
	return c.transport.SendOn(channel.Messages, notification, timeout)
}

// Serve serves until the channel is closed.
func (c *Conn) Serve() error {
	for {
		if err := c.ServeOne(guest.Forever); errors.Is(err, guest.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// ServeOne serves one frame of the other side: a request, a notification, or a batch.
func (c *Conn) ServeOne(timeout time.Duration) error {
	frame, err := c.transport.ReceiveOn(channel.Messages, nil, timeout)
	if err != nil {
		return err
	}
	answer := c.framing.serve(frame, func(method string, params []byte) ([]byte, error) {
		serve, known := c.methods[method]
		if !known {
			return nil, guest.Fail(MethodNotFound, "Method not found")
		}
		return serve(params)
	})
	if answer == nil {
		return nil
	}
	return c.transport.SendOn(channel.Results, answer, guest.Forever)
}

func (c *Conn) nextResult(left func() time.Duration) ([]byte, error) {
	if len(c.methods) == 0 {
		return c.transport.ReceiveOn(channel.Results, nil, left())
	}
	for {
		frame, err := c.transport.ReceiveOn(channel.Results, nil, guest.NoWait)
		if !errors.Is(err, guest.ErrWouldBlock) {
			return frame, err
		}
		switch served := c.ServeOne(guest.NoWait); {
		case served == nil:
		case !errors.Is(served, guest.ErrWouldBlock):
			return nil, served
		default:
			timeout := left()
			if timeout == guest.NoWait {
				return nil, err
			}
			if err := c.transport.WaitReceive(timeout); err != nil {
				return nil, err
			}
		}
	}
}

// countdown gives what is left of a timeout.
func countdown(timeout time.Duration) func() time.Duration {
	if timeout <= 0 {
		return func() time.Duration { return timeout }
	}
	start := time.Now()
	return func() time.Duration { return max(timeout-time.Since(start), 0) }
}
