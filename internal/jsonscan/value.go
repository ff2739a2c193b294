package jsonscan

import (
	"strconv"
	"strings"
)

// The readers in this file take one value each and store it in *p. They leave *p unchanged if the value is of another
// type (which they record, see Scanner.SkipMismatch) or null; Ptr, Slice and Map make *p nil for null.

// String reads a string.
func String[T ~string](s *Scanner, p *T) {
	switch s.peek() {
	case '"':
		at := s.pos
		v := s.scanString()
		if s.sawNUL {
			s.NULs = append(s.NULs, at)
		}
		if s.err == nil {
			*p = T(v)
		}
	case 'n':
		s.skipLiteral("null")
	default:
		s.SkipMismatch("must be a string")
	}
}

// Bool reads true or false.
func Bool[T ~bool](s *Scanner, p *T) {
	switch s.peek() {
	case 't':
		if s.skipLiteral("true") {
			*p = true
		}
	case 'f':
		if s.skipLiteral("false") {
			*p = false
		}
	case 'n':
		s.skipLiteral("null")
	default:
		s.SkipMismatch("must be true or false")
	}
}

// Int reads a whole number that fits T.
func Int[T ~int | ~int8 | ~int16 | ~int32 | ~int64](s *Scanner, p *T) {
	if s.SkipNull() {
		return
	}
	at := s.pos
	if n, ok := s.scanOptionalNumber(); ok {
		if v, err := strconv.ParseInt(n, 10, 64); err == nil && int64(T(v)) == v {
			*p = T(v)
			return
		}
	}
	s.pos = at
	top := T(1)
	for top<<1 > 0 {
		top <<= 1
	}
	top |= top - 1
	s.SkipMismatch("must be a whole number from " + strconv.FormatInt(int64(-top-1), 10) + " to " +
		strconv.FormatInt(int64(top), 10))
}

// Uint reads a whole number that fits T and is not negative.
func Uint[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64](s *Scanner, p *T) {
	if s.SkipNull() {
		return
	}
	at := s.pos
	if n, ok := s.scanOptionalNumber(); ok {
		if v, err := strconv.ParseUint(n, 10, 64); err == nil && uint64(T(v)) == v {
			*p = T(v)
			return
		}
	}
	s.pos = at
	s.SkipMismatch("must be a whole number from 0 to " + strconv.FormatUint(uint64(^T(0)), 10))
}

// scanOptionalNumber reads the text of a number. It returns false if the value is no number.
func (s *Scanner) scanOptionalNumber() (string, bool) {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		return "", false
	}
	n := s.scanNumber()
	return n, s.err == nil
}

// Ptr reads a value with read into a new variable.
func Ptr[T any](s *Scanner, p **T, read func(*Scanner, *T)) {
	if s.SkipNull() {
		*p = nil
		return
	}
	if *p == nil {
		*p = new(T)
	}
	read(s, *p)
}

// Slice reads an array of values with read. An empty array makes an empty slice, not nil.
func Slice[T any](s *Scanner, p *[]T, read func(*Scanner, *T)) {
	if s.SkipNull() {
		*p = nil
		return
	}
	if !s.EnterArray() {
		return
	}
	list := []T{}
	for s.NextElement() {
		if cap(list) == 0 {
			list = make([]T, 0, firstCap)
		}
		var one T
		list = append(list, one)
		read(s, &list[len(list)-1])
	}
	*p = list
}

// firstCap is enough for most lists of a config, in one allocation instead of five of growing size.
const firstCap = 16

// Strings is Slice for plain strings. Most of a config is such lists, so they share memory: a scanner cuts lists from
// one block, which is cheaper in a fresh process than letting each grow through the size classes of the allocator.
func Strings(s *Scanner, p *[]string) {
	if s.SkipNull() {
		*p = nil
		return
	}
	if !s.EnterArray() {
		return
	}
	start := len(s.block)
	for s.NextElement() {
		if len(s.block) == cap(s.block) {
			// Earlier lists stay in the old block.
			s.block = append(make([]string, 0, blockSize+2*(len(s.block)-start)), s.block[start:]...)
			start = 0
		}
		s.block = append(s.block, "")
		String(s, &s.block[len(s.block)-1])
	}
	if len(s.block) == start {
		*p = []string{}
		return
	}
	*p = s.block[start:len(s.block):len(s.block)]
}

// blockSize is how many strings a block holds: 8 kB, the allocator's page.
const blockSize = 512

// Map reads an object with any names and values that read reads.
func Map[T any](s *Scanner, p *map[string]T, read func(*Scanner, *T)) {
	if s.SkipNull() {
		*p = nil
		return
	}
	if !s.EnterObject() {
		return
	}
	if *p == nil {
		*p = map[string]T{}
	}
	seen := s.names()
	for s.NextKey() {
		s.noteRepeated(seen)
		if s.sawNUL {
			s.NULs = append(s.NULs, s.nameAt)
		}
		name := s.name
		var one T
		read(s, &one)
		(*p)[name] = one
	}
}

// Struct reads an object of which names are known. field reads the value of the member called name, or reports false
// if it knows no such member.
func (s *Scanner) Struct(names []string, field func(name string) bool) {
	if !s.EnterObject() {
		return
	}
	seen := s.names()
	for s.NextKey() {
		s.noteRepeated(seen)
		if field(s.name) {
			continue
		}
		known := fold(names, s.name)
		if s.KeepUnknown {
			s.Unknown = append(s.Unknown, Unknown{Offset: s.nameAt, Name: s.name, Known: known, Names: names})
		}
		if known == "" || !field(known) {
			s.Skip()
		}
	}
}

// names returns a map for the offsets of the names of an object, or nil if nobody wants to know of repeated ones.
func (s *Scanner) names() map[string]int {
	if s.KeepUnknown {
		return map[string]int{}
	}
	return nil
}

// noteRepeated records the name that NextKey has moved to if it occurs a second time in its object.
func (s *Scanner) noteRepeated(seen map[string]int) {
	if seen == nil {
		return
	}
	if first, ok := seen[s.name]; ok {
		s.Repeated = append(s.Repeated, Repeated{s.nameAt, first})
		return
	}
	seen[s.name] = s.nameAt
}

// fold returns the one of names that differs from name only in case, as encoding/json does.
func fold(names []string, name string) string {
	for _, known := range names {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return ""
}
