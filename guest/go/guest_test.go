package guest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// call calls a body as the host does and gives its answer.
func call(t *testing.T, input string, body func(data, size uint32) uint64) string {
	t.Helper()
	data := hold(append([]byte(input), 0))
	result := body(data, uint32(len(input)))
	answer := held[uint32(result>>32)]
	if uint64(len(answer)) != result&(1<<32-1) {
		t.Fatalf("the result's length is %d, not %d", result&(1<<32-1), len(answer))
	}
	delete(held, data)
	delete(held, uint32(result>>32))
	return string(answer)
}

func TestAnswersBeginWithTheirStatus(t *testing.T) {
	reverse := func(data, size uint32) uint64 {
		return Bytes(data, size, func(input []byte) ([]byte, error) {
			if len(input) == 0 {
				return nil, Fail(-2, "nothing")
			}
			slices.Reverse(input)
			return input, nil
		})
	}
	double := func(data, size uint32) uint64 {
		return JSON(data, size, func(number int) (int, error) { return 2 * number, nil })
	}
	fail := func(data, size uint32) uint64 {
		return Bytes(data, size, func([]byte) ([]byte, error) { return nil, Fail(0, "x") })
	}
	for _, test := range []struct {
		body          func(data, size uint32) uint64
		input, answer string
	}{
		{reverse, "abc", "\x00\x00\x00\x00cba"},
		{reverse, "", "\xfe\xff\xff\xffnothing"},
		{double, "21", "\x00\x00\x00\x0042"},
		{fail, "", "\x01\x00\x00\x00x"},
	} {
		if answer := call(t, test.input, test.body); answer != test.answer {
			t.Errorf("%q gives %q, not %q", test.input, answer, test.answer)
		}
	}
	if answer := call(t, "\"x\"", double); answer[:4] != "\xa6\x80\xff\xff" {
		t.Errorf("bad input gives %q", answer)
	}
	if len(held) != 0 {
		t.Errorf("%d blocks are kept", len(held))
	}
}

func TestInputIsNotReadBeyondWhatWasAllocated(t *testing.T) {
	result := Bytes(12345, 1, func([]byte) ([]byte, error) { return nil, nil })
	if answer := held[uint32(result>>32)]; string(answer[:4]) != "\xa6\x80\xff\xff" {
		t.Errorf("an unknown address gives %q", answer)
	}
	delete(held, uint32(result>>32))
}

func TestErrors(t *testing.T) {
	for code := int64(-9); code < 0; code++ {
		err := HostError(code)
		if !errors.Is(err, Error(code)) || errorTexts[Error(code)] == "" {
			t.Errorf("%d is %v", code, err)
		}
		if failure := AsFailure(fmt.Errorf("more: %w", err)); int64(failure.Code) != code {
			t.Errorf("%d becomes %v", code, failure)
		}
	}
	if err := HostError(-1 << 40); err != Error(-1<<31) || err.Error() == "" {
		t.Error(err)
	}
	if HostError(0) != nil || HostError(7) != nil {
		t.Error("what is not negative is no error")
	}
	if failure := AsFailure(fmt.Errorf("in: %w", Fail(7, "no %d", 1))); failure.Code != 7 || failure.Message != "no 1" {
		t.Error(failure)
	}
	if failure := AsFailure(errors.New("plain")); failure.Code != 1 || failure.Message != "plain" {
		t.Error(failure)
	}
}
