// A program that serves in MessagePack-RPC until the channel is closed.
//
//	GOOS=wasip1 GOARCH=wasm go build -o worker.wasm ./examples/worker
package main

import (
	"fmt"
	"os"

	"wasmsandbox/guest"
	"wasmsandbox/guest/channel"
	"wasmsandbox/guest/msgpack"
	"wasmsandbox/guest/rpc"
)

func add(params []byte) ([]byte, error) {
	reader := msgpack.NewReader(params)
	if length, err := reader.Array(); err != nil || length != 2 {
		return nil, guest.Fail(rpc.InvalidParams, "add takes two numbers")
	}
	sum := int64(0)
	for range 2 {
		number, err := reader.Int()
		if err != nil {
			return nil, guest.Fail(rpc.InvalidParams, "add takes two numbers")
		}
		sum += number
	}
	return msgpack.AppendInt(nil, sum), nil
}

func main() {
	end, err := channel.Open("rpc")
	if err == nil {
		conn := rpc.Msgpack(end)
		conn.HandleRaw("add", add)
		err = conn.Serve()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
