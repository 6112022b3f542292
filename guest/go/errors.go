package guest

import (
	"errors"
	"fmt"
)

// Error is why something that was asked of the host failed. Compare with errors.Is.
type Error int32

const (
	// ErrInvalid is an argument that the host refuses: a closed handle, an encoding that does not
	// go together.
	ErrInvalid Error = -1 - iota
	// ErrNotFound says that there is nothing of that name, or that it is not granted.
	ErrNotFound
	// ErrWouldBlock says that it would have had to wait, and the timeout was NoWait.
	ErrWouldBlock
	// ErrTimedOut says that it waited for all of the timeout.
	ErrTimedOut
	// ErrClosed says that the channel is closed, and everything in it was received.
	ErrClosed
	// ErrTooLarge is a message larger than the channel, or data larger than is accepted.
	ErrTooLarge
	// ErrNoRoom says that the host has no handle or no memory left for it.
	ErrNoRoom
	// ErrIO says that the host's side failed.
	ErrIO
	// ErrMalformed is data that is not well-formed.
	ErrMalformed
)

var errorTexts = map[Error]string{
	ErrInvalid:    "the host refuses an argument",
	ErrNotFound:   "not found, or not granted",
	ErrWouldBlock: "it would have to wait",
	ErrTimedOut:   "timed out",
	ErrClosed:     "the channel is closed",
	ErrTooLarge:   "too large",
	ErrNoRoom:     "the host has no room for it",
	ErrIO:         "the host's side failed",
	ErrMalformed:  "not well-formed",
}

func (e Error) Error() string {
	if text, known := errorTexts[e]; known {
		return text
	}
	return fmt.Sprintf("the host's error %d", int32(e))
}

// HostError turns a result of the host into an error: nil unless it is negative.
func HostError(result int64) error {
	switch {
	case result >= 0:
		return nil
	case result < -1<<31:
		return Error(-1 << 31)
	default:
		return Error(result)
	}
}

// Failure is an error with a code: of an exported function (the host's call fails with both), of a
// host function, or of a remote procedure.
type Failure struct {
	// Code is yours to choose. An exported function cannot fail with 0, which means success: it is
	// sent as 1.
	Code    int32
	Message string
}

// BadInput is the code of input that cannot be read, as that of JSON-RPC's invalid parameters.
const BadInput = -32602

// Fail makes an error with a code.
func Fail(code int32, format string, arguments ...any) error {
	return &Failure{code, fmt.Sprintf(format, arguments...)}
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s (code %d)", f.Message, f.Code)
}

// AsFailure gives any error a code: a Failure has one, so has an Error, any other error has 1.
func AsFailure(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		return failure
	}
	var host Error
	if errors.As(err, &host) {
		return &Failure{int32(host), err.Error()}
	}
	return &Failure{1, err.Error()}
}
