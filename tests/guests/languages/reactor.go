// Functions that a host calls in Go: its run time starts in _initialize and lives on.
package main

import (
	"runtime"
	"time"
)

var calls int64

//go:wasmexport add
func add(a, b int32) int32 { return a + b }

//go:wasmexport mean
func mean(a, b float64) float64 { return (a + b) / 2 }

//go:wasmexport count
func count() int64 {
	calls++
	return calls
}

//go:wasmexport collect
func collect(rounds int32) int32 {
	sum := int32(0)
	for i := int32(0); i < rounds; i++ {
		block := make([]byte, 1<<18)
		block[i%(1<<18)] = 1
		sum += int32(block[i%(1<<18)])
	}
	runtime.GC()
	return sum
}

//go:wasmexport goroutines
func goroutines(n int32) int32 {
	results := make(chan int32)
	for i := int32(0); i < n; i++ {
		go func() {
			time.Sleep(time.Millisecond)
			results <- i
		}()
	}
	sum := int32(0)
	for i := int32(0); i < n; i++ {
		sum += <-results
	}
	return sum
}

//go:wasmexport spin
func spin() {
	for {
		calls++
	}
}

//go:wasmexport hoard
func hoard() int32 {
	var kept [][]byte
	for {
		kept = append(kept, make([]byte, 1<<20))
		kept[len(kept)-1][0] = 1
	}
}

//go:wasmexport fail
func fail() { panic("on purpose") }

func main() {}
