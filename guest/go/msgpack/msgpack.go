// Package msgpack has as much of MessagePack as frames need, and small guests: values are appended
// to bytes and read one after the other.
//
// https://github.com/msgpack/msgpack/blob/master/spec.md
package msgpack

import (
	"encoding/binary"
	"math"
)

// AppendNil appends nil.
func AppendNil(out []byte) []byte { return append(out, 0xc0) }

// AppendBool appends a truth value.
func AppendBool(out []byte, value bool) []byte {
	if value {
		return append(out, 0xc3)
	}
	return append(out, 0xc2)
}

// AppendInt appends an integer, as short as it goes.
func AppendInt(out []byte, value int64) []byte {
	switch {
	case value >= 0:
		return appendUint(out, uint64(value))
	case value >= -32:
		return append(out, byte(value))
	case value >= math.MinInt8:
		return append(out, 0xd0, byte(value))
	case value >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(out, 0xd1), uint16(value))
	case value >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(out, 0xd2), uint32(value))
	default:
		return binary.BigEndian.AppendUint64(append(out, 0xd3), uint64(value))
	}
}

func appendUint(out []byte, value uint64) []byte {
	switch {
	case value < 0x80:
		return append(out, byte(value))
	case value <= math.MaxUint8:
		return append(out, 0xcc, byte(value))
	case value <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(out, 0xcd), uint16(value))
	case value <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(out, 0xce), uint32(value))
	default:
		return binary.BigEndian.AppendUint64(append(out, 0xcf), value)
	}
}

// AppendFloat appends a real number.
func AppendFloat(out []byte, value float64) []byte {
	return binary.BigEndian.AppendUint64(append(out, 0xcb), math.Float64bits(value))
}

// AppendString appends text.
func AppendString(out []byte, text string) []byte {
	if len(text) < 32 {
		out = append(out, 0xa0|byte(len(text)))
	} else {
		out = appendLength(out, 0xd9, 0xda, len(text))
	}
	return append(out, text...)
}

// AppendBytes appends bytes.
func AppendBytes(out, data []byte) []byte {
	return append(appendLength(out, 0xc4, 0xc5, len(data)), data...)
}

// AppendArray appends the head of an array; its elements follow.
func AppendArray(out []byte, length int) []byte {
	if length < 16 {
		return append(out, 0x90|byte(length))
	}
	return appendLength(out, 0, 0xdc, length)
}

// AppendMap appends the head of a map; its keys and values follow, in turn.
func AppendMap(out []byte, length int) []byte {
	if length < 16 {
		return append(out, 0x80|byte(length))
	}
	return appendLength(out, 0, 0xde, length)
}

// Tags for a length of one byte, where there is one, of two, and then of four.
func appendLength(out []byte, one, two byte, length int) []byte {
	switch {
	case one != 0 && length <= math.MaxUint8:
		return append(out, one, byte(length))
	case length <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(out, two), uint16(length))
	default:
		return binary.BigEndian.AppendUint32(append(out, two+1), uint32(length))
	}
}
