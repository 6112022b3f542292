// A guest with values of encoding/json: functions that a host calls, calls of the host, channels,
// and JSON-RPC.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o shop.wasm ./examples/shop
//	go run ./cmd/wsb-declare shop.wasm ./examples/shop
package main

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"wasmsandbox/guest"
	"wasmsandbox/guest/channel"
	"wasmsandbox/guest/host"
	"wasmsandbox/guest/rpc"
)

func main() {}

//wsb:json
//go:wasmexport greet
func greet(data, size uint32) uint64 {
	return guest.JSON(data, size, func(name string) (string, error) {
		if name == "" {
			return "", guest.Fail(22, "greet takes a name")
		}
		return "Hello, " + name + "!", nil
	})
}

//wsb:bytes
//go:wasmexport reverse
func reverse(data, size uint32) uint64 {
	return guest.Bytes(data, size, func(input []byte) ([]byte, error) {
		if len(input) == 0 {
			return nil, guest.Fail(22, "nothing to reverse")
		}
		slices.Reverse(input)
		return input, nil
	})
}

// checksum lets the host do it.
//
//wsb:bytes
//go:wasmexport checksum
func checksum(data, size uint32) uint64 {
	return guest.Bytes(data, size, func(input []byte) ([]byte, error) {
		return host.CallBytes("checksum", input)
	})
}

// total is the sum of the items' prices, which the host knows.
//
//wsb:json
//go:wasmexport total
func total(data, size uint32) uint64 {
	return guest.JSON(data, size, func(items []string) (float64, error) {
		sum := 0.0
		for _, item := range items {
			price, err := host.Call[float64]("price", item)
			if err != nil {
				return 0, err
			}
			sum += price
		}
		return sum, nil
	})
}

// work works on messages until "stop", each with a result; it gives their number.
//
//wsb:json
//go:wasmexport work
func work(data, size uint32) uint64 {
	return guest.JSON(data, size, func(any) (int, error) {
		jobs, err := channel.Open("jobs")
		if err != nil {
			return 0, err
		}
		defer jobs.Close()
		var job []byte
		for done := 0; ; done++ {
			if job, err = jobs.ReceiveOn(channel.Messages, job, guest.Forever); err != nil {
				return 0, err
			}
			if string(job) == "stop" {
				return done, nil
			}
			if err := jobs.SendResult(bytes.ToUpper(job), guest.Forever); err != nil {
				return 0, err
			}
		}
	})
}

// probe gives the codes of a channel that is not granted, of one without messages, of one that is
// closed, and of a function that the host lacks.
//
//wsb:json
//go:wasmexport probe
func probe(data, size uint32) uint64 {
	return guest.JSON(data, size, func(any) ([]int32, error) {
		jobs, err := channel.Open("jobs")
		if err != nil {
			return nil, err
		}
		closed, err := channel.Open("closed")
		if err != nil {
			return nil, err
		}
		_, notGranted := channel.Open("nothing")
		_, wouldBlock := jobs.Receive(guest.NoWait)
		_, timedOut := jobs.ReceiveResult(time.Millisecond)
		_, isClosed := closed.Receive(guest.Forever)
		_, lacking := host.CallBytes("nothing", nil)
		var codes []int32
		for _, err := range []error{notGranted, wouldBlock, timedOut, isClosed, lacking} {
			codes = append(codes, guest.AsFailure(err).Code)
		}
		return codes, errors.Join(jobs.Close(), closed.Close())
	})
}

// listen waits for messages on either channel until both said "stop"; it gives how many came on
// each.
//
//wsb:json
//go:wasmexport listen
func listen(data, size uint32) uint64 {
	return guest.JSON(data, size, func(any) (counts [2]int, err error) {
		waits := make([]channel.Wait, 2)
		for i, name := range []string{"jobs", "orders"} {
			waits[i].Events = channel.CanReceive
			if waits[i].Channel, err = channel.Open(name); err != nil {
				return counts, err
			}
			defer waits[i].Channel.Close()
		}
		for stopped := 0; stopped < 2; {
			if _, err := channel.WaitAny(waits, guest.Forever); err != nil {
				return counts, err
			}
			for i, wait := range waits {
				if wait.Ready&channel.CanReceive == 0 {
					continue
				}
				message, err := wait.Channel.Receive(guest.NoWait)
				if err != nil {
					return counts, err
				}
				counts[i]++
				if string(message) == "stop" {
					stopped++
				}
			}
		}
		return counts, nil
	})
}

// serve adds numbers for the host until the channel is closed; it gives how many requests came.
//
//wsb:json
//go:wasmexport serve
func serve(data, size uint32) uint64 {
	return guest.JSON(data, size, func(any) (int, error) {
		end, err := channel.Open("rpc")
		if err != nil {
			return 0, err
		}
		conn := rpc.JSON(end)
		rpc.Handle(conn, "add", func(numbers []float64) (float64, error) {
			sum := 0.0
			for _, number := range numbers {
				sum += number
			}
			return sum, nil
		})
		rpc.Handle(conn, "refuse", func(any) (any, error) { return nil, guest.Fail(7, "not today") })
		for served := 0; ; served++ {
			if err := conn.ServeOne(guest.Forever); errors.Is(err, guest.ErrClosed) {
				return served, nil
			} else if err != nil {
				return served, err
			}
		}
	})
}

// ask gives what the host makes of 21, and the code of a method that it does not have.
//
//wsb:json
//go:wasmexport ask
func ask(data, size uint32) uint64 {
	return guest.JSON(data, size, func(any) ([2]int64, error) {
		end, err := channel.Open("rpc")
		if err != nil {
			return [2]int64{}, err
		}
		conn := rpc.JSON(end)
		var doubled int64
		if err := conn.Call("double", []int{21}, &doubled, 10*time.Second); err != nil {
			return [2]int64{}, err
		}
		missing := conn.Call("missing", nil, nil, guest.Forever)
		err = conn.Notify("done", map[string]int64{"doubled": doubled}, guest.Forever)
		return [2]int64{doubled, int64(guest.AsFailure(missing).Code)}, err
	})
}
