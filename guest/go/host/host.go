// Package host calls functions that the host offers under a name.
package host

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"wasmsandbox/guest"
	"wasmsandbox/guest/internal/sys"
)

// Encoding is how input and output of a host function are written. The host transcodes between JSON
// and MessagePack; bytes go with functions of bytes only.
type Encoding int32

const (
	JSON    Encoding = 0
	Msgpack Encoding = 1
	Raw     Encoding = 2
)

// Call calls a host function with a value of encoding/json and gives its result as one:
//
//	price, err := host.Call[float64]("price", "apple")
//
// What the function reports is a *guest.Failure, with code and message; what the host refuses is a
// guest.Error.
func Call[Out any](name string, input any) (Out, error) {
	var output Out
	text, err := json.Marshal(input)
	if err != nil {
		return output, err
	}
	if text, err = CallRaw(name, JSON, text); err != nil {
		return output, err
	}
	if err := json.Unmarshal(text, &output); err != nil {
		return output, fmt.Errorf("the result of %q: %w", name, err)
	}
	return output, nil
}

// CallBytes calls a host function of bytes.
func CallBytes(name string, input []byte) ([]byte, error) {
	return CallRaw(name, Raw, input)
}

// CallRaw calls a host function with input as it is written.
func CallRaw(name string, encoding Encoding, input []byte) ([]byte, error) {
	called := false
	answer, failed := sys.Fill(nil, func(out []byte) int64 {
		if called {
			return sys.HostTake(out)
		}
		called = true
		return sys.HostCall(name, int32(encoding), input, out)
	})
	if failed != 0 {
		return nil, guest.HostError(failed)
	}
	return open(answer)
}

// open takes the status off an answer.
func open(answer []byte) ([]byte, error) {
	if len(answer) < 4 {
		return nil, guest.ErrMalformed
	}
	status, payload := int32(binary.LittleEndian.Uint32(answer)), answer[4:]
	if status != 0 {
		return nil, &guest.Failure{Code: status, Message: strings.ToValidUTF8(string(payload), "\ufffd")}
	}
	return payload, nil
}
