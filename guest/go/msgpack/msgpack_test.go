package msgpack

import (
	"math"
	"strings"
	"testing"
)

func TestIntegersThereAndBack(t *testing.T) {
	for _, value := range []int64{0, 1, 127, 128, 255, 256, 65535, 65536, math.MaxUint32, 1 << 32,
		math.MaxInt64, -1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64} {
		reader := NewReader(AppendInt(nil, value))
		if got, err := reader.Int(); err != nil || got != value || !reader.Empty() {
			t.Error(value, got, err)
		}
	}
	if _, err := NewReader([]byte{0xcf, 0xff, 0, 0, 0, 0, 0, 0, 0}).Int(); err == nil {
		t.Error("beyond int64")
	}
}

func TestTextBytesAndListsOfEverySize(t *testing.T) {
	for _, length := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		out := AppendString(nil, strings.Repeat("x", length))
		out = AppendBytes(out, make([]byte, length))
		out = AppendArray(out, length)
		for range length {
			out = AppendNil(out)
		}
		out = AppendMap(out, length)
		for range 2 * length {
			out = AppendBool(out, true)
		}
		reader := NewReader(out)
		text, err := reader.String()
		if err != nil || len(text) != length {
			t.Fatal(length, err)
		}
		if data, err := reader.Bytes(); err != nil || len(data) != length {
			t.Fatal(length, err)
		}
		for _, read := range []func(*Reader) (int, error){(*Reader).Array, (*Reader).Map} {
			ahead := *reader
			if got, err := read(&ahead); err != nil || got != length {
				t.Fatal(length, got, err)
			}
			if _, err := reader.Value(); err != nil {
				t.Fatal(length, err)
			}
		}
		if !reader.Empty() {
			t.Error(length, "something is left")
		}
	}
}

func TestWhatIsCutOffIsRefused(t *testing.T) {
	out := AppendArray(nil, 4)
	out = AppendString(out, strings.Repeat("é", 200))
	out = AppendFloat(out, 0.5)
	out = AppendInt(AppendMap(out, 1), -70000)
	out = AppendBytes(out, []byte("abc"))
	out = append(out, 0xd6, 1, 2, 3, 4, 5)
	if value, err := NewReader(out).Value(); err != nil || len(value) != len(out) {
		t.Fatal(err)
	}
	for end := range out {
		if _, err := NewReader(out[:end]).Value(); err == nil {
			t.Error("accepted", end)
		}
	}
	for _, broken := range []string{"\xc1", "\xdd\xff\xff\xff\xff", strings.Repeat("\x91", 1000)} {
		if _, err := NewReader([]byte(broken)).Value(); err == nil {
			t.Errorf("accepted %q", broken)
		}
	}
}

func TestAReaderStaysWhereItFailed(t *testing.T) {
	reader := NewReader([]byte{0xa1, 'x', 0xca, 0x3f, 0, 0, 0, 0xc0})
	if _, err := reader.Int(); err == nil {
		t.Error("text is no integer")
	}
	if _, err := reader.Bytes(); err == nil {
		t.Error("text is no bytes")
	}
	text, _ := reader.String()
	number, _ := reader.Float()
	if text != "x" || number != 0.5 || reader.Nil() != nil || reader.Nil() == nil {
		t.Error(text, number)
	}
	if _, err := NewReader([]byte{0xa1, 0xff}).String(); err == nil {
		t.Error("no UTF-8")
	}
}
