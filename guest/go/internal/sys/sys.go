// Package sys is the host's side as it is. Only what is used becomes an import of the guest.
package sys

// Entry is one thing that is waited for, as the host reads and writes it.
type Entry struct {
	Handle        int32
	Events, Ready uint32
}

// Room for an answer that is not known yet: most fit, and need no second call.
const firstRoom = 4096

// Fill receives bytes of unknown length into buffer, which it makes larger where need be: receive
// fills in at most len(out) bytes and gives the length; what did not fit is kept by the host for
// the next call. A negative result is given back as it is.
func Fill(buffer []byte, receive func(out []byte) int64) ([]byte, int64) {
	out := buffer[:cap(buffer)]
	if len(out) < firstRoom {
		out = make([]byte, firstRoom)
	}
	for {
		length := receive(out)
		if length < 0 {
			return buffer[:0], length
		}
		if length <= int64(len(out)) {
			return out[:length], 0
		}
		if length > 1<<31-1 {
			return buffer[:0], -6
		}
		out = make([]byte, length)
	}
}
