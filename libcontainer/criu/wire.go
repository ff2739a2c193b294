package criu

import (
	"encoding/binary"
	"errors"
)

// The two types of fields that CRIU's messages are made of, as protobuf numbers them. The other two that exist, of a fixed size, are skipped.
const (
	typeVarint  = 0
	typeFixed64 = 1
	typeBytes   = 2
	typeFixed32 = 5
)

// message is a protobuf message in the making. A field that has its zero value is left out by the callers: every optional field of CRIU's
// means the same then, and older versions may not know it.
type message []byte

func (m *message) tag(number, kind uint64) { *m = binary.AppendUvarint(*m, number<<3|kind) }

// number appends a field of type int32, uint32 or enum. Negative numbers take ten bytes, as protobuf has it.
func (m *message) number(field uint64, value int64) {
	m.tag(field, typeVarint)
	*m = binary.AppendUvarint(*m, uint64(value))
}

// flag appends a field of type bool, if it is true.
func (m *message) flag(field uint64, value bool) {
	if value {
		m.number(field, 1)
	}
}

// text appends a field of type string or bytes, if it is not empty.
func (m *message) text(field uint64, value string) {
	if value != "" {
		m.bytes(field, []byte(value))
	}
}

// bytes appends a field that holds a message, or text.
func (m *message) bytes(field uint64, value []byte) {
	m.tag(field, typeBytes)
	*m = append(binary.AppendUvarint(*m, uint64(len(value))), value...)
}

var errMalformed = errors.New("the message is malformed")

// fields calls number or text for each field of a message, in its order; either may be nil.
func fields(b []byte, number func(field, value uint64), text func(field uint64, value []byte) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 || tag>>3 == 0 {
			return errMalformed
		}
		b = b[n:]
		var size int
		switch tag & 7 {
		case typeVarint:
			value, n := binary.Uvarint(b)
			if n <= 0 {
				return errMalformed
			}
			if number != nil {
				number(tag>>3, value)
			}
			size = n
		case typeBytes:
			length, n := binary.Uvarint(b)
			if n <= 0 || length > uint64(len(b)-n) {
				return errMalformed
			}
			size = n + int(length)
			if text != nil {
				if err := text(tag>>3, b[n:size]); err != nil {
					return err
				}
			}
		case typeFixed64:
			size = 8
		case typeFixed32:
			size = 4
		default:
			return errMalformed
		}
		if size > len(b) {
			return errMalformed
		}
		b = b[size:]
	}
	return nil
}
