// Package guest is for guests of wasm-sandbox in Go, built with GOOS=wasip1 GOARCH=wasm: functions
// that a host calls with JSON, MessagePack or bytes. Its folders have the rest: channels, calls of
// the host's functions, and remote procedure calls.
//
//	// reverse is what the host calls.
//	//
//	//wsb:bytes
//	//go:wasmexport reverse
//	func reverse(data, size uint32) uint64 {
//		return guest.Bytes(data, size, func(input []byte) ([]byte, error) {
//			if len(input) == 0 {
//				return nil, guest.Fail(22, "nothing to reverse")
//			}
//			slices.Reverse(input)
//			return input, nil
//		})
//	}
//
//	func main() {}
//
// The host must be told which functions these are. The compiler cannot write that into the module,
// so a tool does afterwards, from the wsb: comments:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o guest.wasm .
//	go run wasmsandbox/guest/cmd/wsb-declare guest.wasm .
//
// Functions over numbers need neither: //go:wasmexport alone is enough.
package guest

import (
	"encoding/binary"
	"encoding/json"
	"time"
	"unsafe"
)

// How long to wait, beside any other duration. The deadline of the host's call into the guest holds
// in any case. While the host waits, no goroutine of the guest runs.
const (
	// NoWait says not to wait: what cannot be done at once is ErrWouldBlock.
	NoWait time.Duration = 0
	// Forever says to wait without end, as any negative duration does.
	Forever time.Duration = -1
)

// Memory that the host knows by its address: its input, and results that it has not taken yet.
var held = map[uint32][]byte{}

func hold(memory []byte) uint32 {
	address := uint32(uintptr(unsafe.Pointer(unsafe.SliceData(memory))))
	held[address] = memory
	return address
}

// Bytes runs the body of an exported function over bytes, or over JSON text or MessagePack as it
// is. The input may be kept and changed.
func Bytes(data, size uint32, body func(input []byte) ([]byte, error)) uint64 {
	input, known := held[data]
	if !known || uint64(size) > uint64(len(input)) {
		return finish(nil, Fail(BadInput, "the input is not in memory of wsb_alloc"))
	}
	return finish(body(input[:size]))
}

// JSON runs the body of an exported function over a value of encoding/json. Input that does not fit
// fails the call.
func JSON[In, Out any](data, size uint32, body func(input In) (Out, error)) uint64 {
	return Bytes(data, size, func(text []byte) ([]byte, error) {
		var input In
		if err := json.Unmarshal(text, &input); err != nil {
			return nil, Fail(BadInput, "%v", err)
		}
		output, err := body(input)
		if err != nil {
			return nil, err
		}
		return json.Marshal(output)
	})
}

// finish makes a result: its status, little-endian, and what belongs to it.
func finish(output []byte, err error) uint64 {
	var code int32
	if err != nil {
		failure := AsFailure(err)
		code, output = failure.Code, []byte(failure.Message)
		if code == 0 {
			code = 1
		}
	}
	result := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(output)), uint32(code))
	result = append(result, output...)
	return uint64(hold(result))<<32 | uint64(len(result))
}
