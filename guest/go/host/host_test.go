package host

import (
	"errors"
	"testing"

	"wasmsandbox/guest"
)

func TestAnAnswerIsAStatusAndWhatBelongsToIt(t *testing.T) {
	if payload, err := open([]byte("\x00\x00\x00\x00[1]")); err != nil || string(payload) != "[1]" {
		t.Error(payload, err)
	}
	if _, err := open([]byte{0, 0, 0}); !errors.Is(err, guest.ErrMalformed) {
		t.Error(err)
	}
	_, err := open([]byte("\xfe\xff\xff\xffno \xff"))
	if failure := guest.AsFailure(err); failure.Code != -2 || failure.Message != "no \ufffd" {
		t.Error(err)
	}
}

func TestThereIsNoFunctionWithoutAHost(t *testing.T) {
	if _, err := Call[int]("x", 1); !errors.Is(err, guest.ErrNotFound) {
		t.Error(err)
	}
}
