//go:build wasip1

package sys

import "unsafe"

//go:wasmimport wsb_channel open
func ChannelOpen(name string) int32

//go:wasmimport wsb_channel send
func channelSend(handle, lane int32, data unsafe.Pointer, size uint32, timeout int64) int32

//go:wasmimport wsb_channel receive
func channelReceive(handle, lane int32, out unsafe.Pointer, room uint32, timeout int64) int64

//go:wasmimport wsb_channel wait
func channelWait(entries unsafe.Pointer, count uint32, timeout int64) int32

//go:wasmimport wsb_channel close
func ChannelClose(handle int32) int32

//go:wasmimport wsb_host call
func hostCall(name string, encoding int32, in unsafe.Pointer, size uint32, out unsafe.Pointer, room uint32) int64

//go:wasmimport wsb_host take
func hostTake(out unsafe.Pointer, room uint32) int64

func ChannelSend(handle, lane int32, message []byte, timeout int64) int32 {
	return channelSend(handle, lane, unsafe.Pointer(unsafe.SliceData(message)), uint32(len(message)), timeout)
}

func ChannelReceive(handle, lane int32, out []byte, timeout int64) int64 {
	return channelReceive(handle, lane, unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)), timeout)
}

func ChannelWait(entries []Entry, timeout int64) int32 {
	return channelWait(unsafe.Pointer(unsafe.SliceData(entries)), uint32(len(entries)), timeout)
}

func HostCall(name string, encoding int32, in, out []byte) int64 {
	return hostCall(name, encoding, unsafe.Pointer(unsafe.SliceData(in)), uint32(len(in)),
		unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
}

func HostTake(out []byte) int64 {
	return hostTake(unsafe.Pointer(unsafe.SliceData(out)), uint32(len(out)))
}
