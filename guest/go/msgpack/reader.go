package msgpack

import (
	"encoding/binary"
	"math"
	"unicode/utf8"

	"wasmsandbox/guest"
)

// Deeper than the host goes.
const maxDepth = 64

// Reader reads values one after the other. After a failure, which is guest.ErrMalformed, it is where
// it was.
type Reader struct {
	rest []byte
}

// NewReader reads from the beginning of data.
func NewReader(data []byte) *Reader { return &Reader{data} }

// Empty tells whether everything was read.
func (r *Reader) Empty() bool { return len(r.rest) == 0 }

// Nil reads nil.
func (r *Reader) Nil() error {
	_, err := read(r, func(head head) (struct{}, bool) { return struct{}{}, head.kind == kindNil })
	return err
}

// Bool reads a truth value.
func (r *Reader) Bool() (bool, error) {
	return read(r, func(head head) (bool, bool) { return head.bits != 0, head.kind == kindBool })
}

// Int reads an integer.
func (r *Reader) Int() (int64, error) {
	return read(r, func(head head) (int64, bool) {
		fits := head.kind == kindInt || head.kind == kindUint && head.bits <= math.MaxInt64
		return int64(head.bits), fits
	})
}

// Float reads a real number, or an integer as one.
func (r *Reader) Float() (float64, error) {
	return read(r, func(head head) (float64, bool) {
		switch head.kind {
		case kindInt:
			return float64(int64(head.bits)), true
		case kindUint:
			return float64(head.bits), true
		default:
			return math.Float64frombits(head.bits), head.kind == kindFloat
		}
	})
}

// String reads text.
func (r *Reader) String() (string, error) {
	ahead := *r
	text, err := ahead.sized(kindString)
	if err != nil || !utf8.Valid(text) {
		return "", guest.ErrMalformed
	}
	*r = ahead
	return string(text), nil
}

// Bytes reads bytes, which stay part of what is read from.
func (r *Reader) Bytes() ([]byte, error) { return r.sized(kindBytes) }

// Array reads the head of an array: how many elements follow. They may be fewer: allocate as they
// come.
func (r *Reader) Array() (int, error) { return r.length(kindArray) }

// Map reads the head of a map: how many pairs follow.
func (r *Reader) Map() (int, error) { return r.length(kindMap) }

// Value steps over any value and gives its bytes, which stay part of what is read from.
func (r *Reader) Value() ([]byte, error) {
	ahead := *r
	if !ahead.skip(0) {
		return nil, guest.ErrMalformed
	}
	value := r.rest[:len(r.rest)-len(ahead.rest)]
	*r = ahead
	return value, nil
}

func read[T any](r *Reader, pick func(head) (T, bool)) (T, error) {
	ahead := *r
	var picked T
	head, known := ahead.head()
	if known {
		picked, known = pick(head)
	}
	if !known {
		return *new(T), guest.ErrMalformed
	}
	*r = ahead
	return picked, nil
}

func (r *Reader) length(kind kind) (int, error) {
	return read(r, func(head head) (int, bool) {
		return int(head.bits), head.kind == kind && head.bits <= math.MaxInt32
	})
}

func (r *Reader) sized(kind kind) ([]byte, error) {
	ahead := *r
	head, known := ahead.head()
	if !known || head.kind != kind {
		return nil, guest.ErrMalformed
	}
	data, known := ahead.take(head.bits)
	if !known {
		return nil, guest.ErrMalformed
	}
	*r = ahead
	return data, nil
}

func (r *Reader) skip(depth int) bool {
	head, known := r.head()
	if !known || depth > maxDepth {
		return false
	}
	items := uint64(0)
	switch head.kind {
	case kindString, kindBytes, kindExtension:
		_, known = r.take(head.bits)
		return known
	case kindArray:
		items = head.bits
	case kindMap:
		items = 2 * head.bits
	}
	for ; items > 0; items-- {
		if !r.skip(depth + 1) {
			return false
		}
	}
	return true
}

func (r *Reader) take(length uint64) ([]byte, bool) {
	if length > uint64(len(r.rest)) {
		return nil, false
	}
	taken := r.rest[:length:length]
	r.rest = r.rest[length:]
	return taken, true
}

type kind int

const (
	kindNil kind = iota
	kindBool
	kindInt
	kindUint
	kindFloat
	kindString
	kindBytes
	kindArray
	kindMap
	kindExtension
)

// What the first bytes of a value say: a number's bits, or a length.
type head struct {
	kind kind
	bits uint64
}

func (r *Reader) head() (head, bool) {
	first, known := r.take(1)
	if !known {
		return head{}, false
	}
	switch tag := first[0]; {
	case tag < 0x80:
		return head{kindInt, uint64(tag)}, true
	case tag < 0x90:
		return head{kindMap, uint64(tag & 15)}, true
	case tag < 0xa0:
		return head{kindArray, uint64(tag & 15)}, true
	case tag < 0xc0:
		return head{kindString, uint64(tag & 31)}, true
	case tag >= 0xe0:
		return head{kindInt, uint64(int64(int8(tag)))}, true
	default:
		return r.longHead(tag)
	}
}

func (r *Reader) longHead(tag byte) (head, bool) {
	switch tag {
	case 0xc0:
		return head{kindNil, 0}, true
	case 0xc2, 0xc3:
		return head{kindBool, uint64(tag - 0xc2)}, true
	case 0xc4, 0xc5, 0xc6:
		return r.number(kindBytes, 1<<(tag-0xc4))
	case 0xc7, 0xc8, 0xc9:
		head, known := r.number(kindExtension, 1<<(tag-0xc7))
		head.bits++ // its type
		return head, known
	case 0xca:
		head, known := r.number(kindFloat, 4)
		head.bits = math.Float64bits(float64(math.Float32frombits(uint32(head.bits))))
		return head, known
	case 0xcb:
		return r.number(kindFloat, 8)
	case 0xcc, 0xcd, 0xce, 0xcf:
		return r.number(kindUint, 1<<(tag-0xcc))
	case 0xd0, 0xd1, 0xd2, 0xd3:
		bytes := 1 << (tag - 0xd0)
		head, known := r.number(kindInt, bytes)
		unused := 64 - 8*bytes
		head.bits = uint64(int64(head.bits<<unused) >> unused)
		return head, known
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return head{kindExtension, 1<<(tag-0xd4) + 1}, true
	case 0xd9, 0xda, 0xdb:
		return r.number(kindString, 1<<(tag-0xd9))
	case 0xdc, 0xdd:
		return r.number(kindArray, 2<<(tag-0xdc))
	case 0xde, 0xdf:
		return r.number(kindMap, 2<<(tag-0xde))
	default:
		return head{}, false
	}
}

func (r *Reader) number(kind kind, bytes int) (head, bool) {
	data, known := r.take(uint64(bytes))
	if !known {
		return head{}, false
	}
	var padded [8]byte
	copy(padded[8-bytes:], data)
	return head{kind, binary.BigEndian.Uint64(padded[:])}, true
}
