package rpc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wasmsandbox/guest"
	"wasmsandbox/guest/channel"
)

// double is one end of a channel in this test's memory.
type double struct {
	incoming, outgoing *[2][][]byte
	closed             bool
}

func pair() (*double, *double) {
	var there, back [2][][]byte
	return &double{&back, &there, false}, &double{&there, &back, false}
}

func (d *double) SendOn(lane channel.Lane, frame []byte, _ time.Duration) error {
	d.outgoing[lane] = append(d.outgoing[lane], frame)
	return nil
}

func (d *double) ReceiveOn(lane channel.Lane, buffer []byte, timeout time.Duration) ([]byte, error) {
	switch {
	case len(d.incoming[lane]) > 0:
		frame := d.incoming[lane][0]
		d.incoming[lane] = d.incoming[lane][1:]
		return frame, nil
	case d.closed:
		return buffer[:0], guest.ErrClosed
	case timeout == guest.NoWait:
		return buffer[:0], guest.ErrWouldBlock
	default:
		return buffer[:0], guest.ErrTimedOut
	}
}

func (d *double) WaitReceive(time.Duration) error {
	if len(d.incoming[0])+len(d.incoming[1]) > 0 {
		return nil
	}
	return guest.ErrTimedOut
}

// served is what a server that knows echo, fail and broken answers.
func served(t *testing.T, frame string) string {
	t.Helper()
	end, other := pair()
	conn := JSON(end)
	conn.HandleRaw("echo", func(params []byte) ([]byte, error) { return params, nil })
	conn.HandleRaw("fail", func([]byte) ([]byte, error) { return nil, guest.Fail(7, `on "purpose"`) })
	conn.HandleRaw("broken", func([]byte) ([]byte, error) { return []byte("{"), nil })
	_ = other.SendOn(channel.Messages, []byte(frame), 0)
	if err := conn.ServeOne(0); err != nil {
		t.Fatal(err)
	}
	answer, _ := other.ReceiveOn(channel.Results, nil, 0)
	return string(answer)
}

func TestRequestsAreAnswered(t *testing.T) {
	const invalid = `"error":{"code":-32600,"message":"Invalid Request"},"id":`
	const unread = `"error":{"code":-32700,"message":"Parse error"},"id":null`
	for request, answer := range map[string]string{
		`{"jsonrpc":"2.0","method":"echo","params":[1],"id":1}`:         `"result":[1],"id":1`,
		` {"id":"a","params":{"b":[]},"method":"echo","jsonrpc":"2.0"}`: `"result":{"b":[]},"id":"a"`,
		`{"jsonrpc":"2.0","method":"echo","id":null}`:                   `"result":null,"id":null`,
		`{"jsonrpc":"2.0","method":"f\u0061il","id":1.5}`:               `"error":{"code":7,"message":"on \"purpose\""},"id":1.5`,
		`{"jsonrpc":"2.0","method":"broken","id":1}`:                    `"error":{"code":-32603,"message":"the method's result is not JSON"},"id":1`,
		`{"jsonrpc":"2.0","method":"none","id":1}`:                      `"error":{"code":-32601,"message":"Method not found"},"id":1`,
		`{"jsonrpc":"2.0","method":"echo","params":1,"id":2}`:           invalid + "2",
		`{"jsonrpc":"1.0","method":"echo","id":[]}`:                     invalid + "null",
		`{"jsonrpc":"2.0","Method":"echo","id":2}`:                      invalid + "2",
		`{"jsonrpc":"2.0","method":null,"id":2}`:                        invalid + "2",
		`1`:                                                             invalid + "null",
		`null`:                                                          invalid + "null",
		`[]`:                                                            invalid + "null",
		`{"jsonrpc":"2.0"`:                                              unread,
		"":                                                              unread,
		"{\"jsonrpc\":\"2.0\",\"x\":\"\xff\"}":                          unread,
	} {
		if got := served(t, request); got != `{"jsonrpc":"2.0",`+answer+"}" {
			t.Errorf("%s\n got %s\nwant %s", request, got, answer)
		}
	}
}

func TestBatchesAndNotifications(t *testing.T) {
	for request, answer := range map[string]string{
		`{"jsonrpc":"2.0","method":"echo"}`:                                     "",
		`{"jsonrpc":"2.0","method":"none"}`:                                     "",
		`[{"jsonrpc":"2.0","method":"fail"},{"jsonrpc":"2.0","method":"echo"}]`: "",
		`[{"jsonrpc":"2.0","method":"echo","params":[1],"id":1},2,{"jsonrpc":"2.0","method":"echo"}]`: `[{"jsonrpc":"2.0","result":[1],"id":1},` +
			`{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request"},"id":null}]`,
	} {
		if got := served(t, request); got != answer {
			t.Errorf("%s\n got %s\nwant %s", request, got, answer)
		}
	}
}

// called is the outcome of a call to which the other side gave these answers.
func called(answers ...string) (string, error) {
	end, other := pair()
	for _, answer := range answers {
		_ = other.SendOn(channel.Results, []byte(answer), 0)
	}
	result, err := JSON(end).CallRaw("m", nil, time.Hour)
	return string(result), err
}

func TestAnswersAreRead(t *testing.T) {
	const late = `{"jsonrpc":"2.0","result":0,"id":0}`
	if result, err := called(late, `{"jsonrpc":"2.0","result":[1, 2],"id":1}`); err != nil || result != "[1, 2]" {
		t.Error(result, err)
	}
	if _, err := called(late); !errors.Is(err, guest.ErrTimedOut) {
		t.Error(err)
	}
	for answer, want := range map[string]guest.Failure{
		`{"error":{"code":-5,"message":"\u006eo","data":1},"id":1}`: {Code: -5, Message: "no"},
		`{"error":{"code":-32700,"message":"x"},"id":null}`:         {Code: -32700, Message: "x"},
	} {
		_, err := called(answer)
		if failure := guest.AsFailure(err); *failure != want {
			t.Error(err)
		}
	}
	for _, broken := range []string{"", "[]", "{}", `{"id":1}`, `{"result":1}`, `{"result":1,"error":{},"id":1}`,
		`{"error":{"code":1.5,"message":""},"id":1}`, `{"error":{"code":1},"id":1}`, `{"error":"no","id":1}`,
		`{"error":{"code":3000000000,"message":""},"id":1}`} {
		if _, err := called(broken); !errors.Is(err, guest.ErrMalformed) {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

func TestMalformedParametersAreNotSent(t *testing.T) {
	end, _ := pair()
	for _, params := range []string{"1", "[", `[1],"id":7`, "\x01", "[\"\xff\"]"} {
		if err := JSON(end).NotifyRaw("m", []byte(params), 0); !errors.Is(err, guest.ErrMalformed) {
			t.Error(params, err)
		}
	}
	for _, params := range []string{"\x91", "\xc0\xc0"} {
		if err := Msgpack(end).NotifyRaw("m", []byte(params), 0); !errors.Is(err, guest.ErrMalformed) {
			t.Error(params, err)
		}
	}
	if len(end.outgoing[0]) != 0 {
		t.Error("sent")
	}
}

func TestBothFramingsCarryCallsThereAndBack(t *testing.T) {
	end, other := pair()
	bothSides(t, &JSON(end).Conn, &JSON(other).Conn, end, other, "[1]")
	end, other = pair()
	bothSides(t, Msgpack(end), Msgpack(other), end, other, "\x91\x01")
}

func bothSides(t *testing.T, client, server *Conn, end, other *double, one string) {
	t.Helper()
	end.closed, other.closed = true, true
	var told []string
	server.HandleRaw("echo", func(params []byte) ([]byte, error) { return params, nil })
	server.HandleRaw("fail", func([]byte) ([]byte, error) { return nil, guest.Fail(-7, "no é") })
	server.HandleRaw("tell", func(params []byte) ([]byte, error) {
		told = append(told, string(params))
		return nil, nil
	})
	_ = client.NotifyRaw("tell", []byte(one), 0)
	_ = client.NotifyRaw("tell", nil, 0)
	for _, method := range []string{"echo", "fail", "none"} {
		// The requests go out; their answers come once the server ran.
		if _, err := client.CallRaw(method, []byte(one), 0); !errors.Is(err, guest.ErrClosed) {
			t.Fatal(err)
		}
	}
	if err := server.Serve(); err != nil {
		t.Fatal(err)
	}
	if strings.Join(told, "|") != one+"|" {
		t.Errorf("told %q", told)
	}
	for id, want := range []string{one, "no é (code -7)", "Method not found (code -32601)"} {
		frame, _ := end.ReceiveOn(channel.Results, nil, 0)
		result, mine, err := client.framing.response(frame, uint32(id+1))
		if got := string(result); !mine || err == nil && got != want || err != nil && err.Error() != want {
			t.Errorf("%d: %q, %v", id, result, err)
		}
	}
}

func TestBrokenFramesOfMessagePackAreDropped(t *testing.T) {
	never := func(string, []byte) ([]byte, error) {
		t.Error("served")
		return nil, nil
	}
	id := uint32(300)
	request, _ := msgpackFraming{}.request(&id, "method", []byte{0x91, 1})
	for end := range request {
		if answer := (msgpackFraming{}).serve(request[:end], never); answer != nil {
			t.Error(end, answer)
		}
	}
	for _, frame := range []string{string(request) + "\x00", "\x94\x00\xff\xa0\x90", "\x94\x00\x01\x01\x90"} {
		if answer := (msgpackFraming{}).serve([]byte(frame), never); answer != nil {
			t.Errorf("%q", frame)
		}
	}
	for _, frame := range []string{"\x94\x01\x01\x01\xc0", "\x94\x01\x01\x91\x01\xc0", "\x93\x01\x01\xc0", ""} {
		if _, _, err := (msgpackFraming{}).response([]byte(frame), 1); !errors.Is(err, guest.ErrMalformed) {
			t.Errorf("%q: %v", frame, err)
		}
	}
	broken := (msgpackFraming{}).serve(request, func(string, []byte) ([]byte, error) { return []byte{0x91}, nil })
	if _, _, err := (msgpackFraming{}).response(broken, id); guest.AsFailure(err).Code != InternalError {
		t.Error(err)
	}
}

func TestWhileItWaitsForAnAnswerItServes(t *testing.T) {
	end, other := pair()
	conn := JSON(end)
	Handle(conn, "name", func(any) (string, error) {
		return "guest", other.SendOn(channel.Results, []byte(`{"jsonrpc":"2.0","result":5,"id":1}`), 0)
	})
	_ = other.SendOn(channel.Messages, []byte(`{"jsonrpc":"2.0","method":"name","id":"q"}`), 0)
	var result int
	if err := conn.Call("m", nil, &result, time.Hour); err != nil || result != 5 {
		t.Error(result, err)
	}
	if err := conn.Call("m", nil, nil, time.Hour); !errors.Is(err, guest.ErrTimedOut) {
		t.Error(err)
	}
	if err := conn.Call("m", nil, nil, guest.NoWait); !errors.Is(err, guest.ErrWouldBlock) {
		t.Error(err)
	}
}

func TestMethodsOverValues(t *testing.T) {
	end, other := pair()
	conn := JSON(end)
	Handle(conn, "sum", func(numbers []int) (int, error) { return len(numbers), nil })
	for request, want := range map[string]string{
		`{"jsonrpc":"2.0","method":"sum","params":[1,2],"id":1}`: `"result":2`,
		`{"jsonrpc":"2.0","method":"sum","id":1}`:                `"result":0`,
		`{"jsonrpc":"2.0","method":"sum","params":["x"],"id":1}`: `"code":-32602`,
	} {
		_ = other.SendOn(channel.Messages, []byte(request), 0)
		if err := conn.ServeOne(0); err != nil {
			t.Fatal(err)
		}
		if answer, _ := other.ReceiveOn(channel.Results, nil, 0); !strings.Contains(string(answer), want) {
			t.Errorf("%s", answer)
		}
	}
}
