package sys

import (
	"bytes"
	"testing"
)

func TestWhatDoesNotFitIsAskedForAgain(t *testing.T) {
	message, calls := bytes.Repeat([]byte{7}, 3*firstRoom), 0
	got, failed := Fill(nil, func(out []byte) int64 {
		calls++
		if len(out) >= len(message) {
			copy(out, message)
		}
		return int64(len(message))
	})
	if failed != 0 || calls != 2 || !bytes.Equal(got, message) {
		t.Errorf("failed %d, %d calls, %d bytes", failed, calls, len(got))
	}
}

func TestFailuresAndSizesThatNobodyHas(t *testing.T) {
	if got, failed := Fill([]byte("old"), func([]byte) int64 { return -4 }); failed != -4 || len(got) != 0 {
		t.Error(got, failed)
	}
	if got, failed := Fill(nil, func([]byte) int64 { return 1 << 40 }); failed != -6 || len(got) != 0 {
		t.Error(got, failed)
	}
}
