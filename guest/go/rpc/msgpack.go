package rpc

import (
	"bytes"
	"math"
	"strings"

	"wasmsandbox/guest"
	"wasmsandbox/guest/msgpack"
)

type msgpackFraming struct{}

const (
	typeRequest      = 0
	typeResponse     = 1
	typeNotification = 2
)

var noParams = []byte{0x90}

// whole reads one value and nothing after it.
func whole(data []byte) bool {
	reader := msgpack.NewReader(data)
	_, err := reader.Value()
	return err == nil && reader.Empty()
}

func (msgpackFraming) request(id *uint32, method string, params []byte) ([]byte, error) {
	if len(params) == 0 {
		params = noParams
	}
	if !whole(params) {
		return nil, guest.ErrMalformed
	}
	var frame []byte
	if id == nil {
		frame = msgpack.AppendInt(msgpack.AppendArray(nil, 3), typeNotification)
	} else {
		frame = msgpack.AppendInt(msgpack.AppendArray(nil, 4), typeRequest)
		frame = msgpack.AppendInt(frame, int64(*id))
	}
	return append(msgpack.AppendString(frame, method), params...), nil
}

// expect reads the head of a frame of this length and type.
func expect(reader *msgpack.Reader, length int, frameType int64) bool {
	ahead := *reader
	found, err := ahead.Array()
	if err != nil || found != length {
		return false
	}
	if of, err := ahead.Int(); err != nil || of != frameType {
		return false
	}
	*reader = ahead
	return true
}

func (msgpackFraming) response(frame []byte, id uint32) ([]byte, bool, error) {
	reader := msgpack.NewReader(frame)
	if !whole(frame) || !expect(reader, 4, typeResponse) {
		return nil, false, guest.ErrMalformed
	}
	of, err := reader.Int()
	if err != nil || of != int64(id) {
		return nil, false, err
	}
	if reader.Nil() == nil {
		result, err := reader.Value()
		return result, err == nil, err
	}
	failure, err := readError(reader)
	if err != nil {
		return nil, false, err
	}
	return nil, true, failure
}

// readError reads code and message.
func readError(reader *msgpack.Reader) (*guest.Failure, error) {
	length, err := reader.Array()
	if err != nil || length < 2 {
		return nil, guest.ErrMalformed
	}
	code, err := reader.Int()
	if err != nil || code < math.MinInt32 || code > math.MaxInt32 {
		return nil, guest.ErrMalformed
	}
	message, err := reader.String()
	return &guest.Failure{Code: int32(code), Message: message}, err
}

// What is no request has no id to be answered with, and is dropped.
func (msgpackFraming) serve(frame []byte, serve serveFunc) []byte {
	reader := msgpack.NewReader(frame)
	id, wantsAnswer := int64(0), false
	if !whole(frame) {
		return nil
	}
	if expect(reader, 4, typeRequest) {
		var err error
		if id, err = reader.Int(); err != nil || id < 0 || id > math.MaxUint32 {
			return nil
		}
		wantsAnswer = true
	} else if !expect(reader, 3, typeNotification) {
		return nil
	}
	method, err := reader.String()
	if err != nil {
		return nil
	}
	params, err := reader.Value()
	if err != nil {
		return nil
	}
	if bytes.Equal(params, noParams) {
		params = nil
	}
	result, err := serve(method, params)
	if !wantsAnswer {
		return nil
	}
	return answer(id, result, err)
}

func answer(id int64, result []byte, err error) []byte {
	if err == nil && len(result) > 0 && !whole(result) {
		err = guest.Fail(InternalError, "the method's result is not MessagePack")
	}
	frame := msgpack.AppendInt(msgpack.AppendArray(nil, 4), typeResponse)
	frame = msgpack.AppendInt(frame, id)
	if err != nil {
		failure := guest.AsFailure(err)
		frame = msgpack.AppendInt(msgpack.AppendArray(frame, 2), int64(failure.Code))
		message := strings.ToValidUTF8(failure.Message, "\ufffd")
		return msgpack.AppendNil(msgpack.AppendString(frame, message))
	}
	frame = msgpack.AppendNil(frame)
	if len(result) == 0 {
		return msgpack.AppendNil(frame)
	}
	return append(frame, result...)
}
