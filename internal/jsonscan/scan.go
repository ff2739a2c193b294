// Package jsonscan reads a JSON document without reflection: a pull scanner, small typed readers built on it
// (value.go), the position of a value as path, line and column (where.go), and the one thing an encoder needs, a string
// writer (write.go).
//
// It runs in rt only. Package spec decodes config.json with it and package state its own file; the decode functions are
// written by a generator (jsongen). It exists because of the cold cost of encoding/json: in a process that lives for
// milliseconds, building its type tables costs more than everything else rt does with the document.
//
// It follows RFC 8259 and, where that leaves a choice, encoding/json: null leaves a value alone, or makes a pointer,
// slice or map nil; a name that differs only in case is taken for the known one; of a name given twice the last counts.
// It differs from encoding/json in four points:
//
//   - text that is not UTF-8, and half a surrogate pair, are errors: a path must not change silently into another one;
//   - nesting is bounded by MaxDepth;
//   - elements of an array given twice do not inherit what their predecessors held;
//   - a value of the wrong type is noted and skipped, and reading continues, so that one run finds all of them.
package jsonscan

import (
	"strconv"
	"strings"
)

// MaxDepth is how deep objects and arrays may nest.
const MaxDepth = 1000

// SyntaxError is where a document stops being JSON.
type SyntaxError struct {
	Offset int    // in bytes from the start of the document
	Text   string // what is wrong there, and what would be right
}

func (e *SyntaxError) Error() string { return e.Text }

// Problem is a value that is JSON but not of the type that its reader expects.
type Problem struct {
	Offset int    // where the value starts, in bytes
	Text   string // "must be a string"
}

// Unknown is a name that the reader of its object does not know.
type Unknown struct {
	Offset int      // where the name starts, in bytes
	Name   string   // as the document spells it
	Known  string   // the name it was taken for, because only the case differs; empty if it was skipped
	Names  []string // what the object may hold
}

// Repeated is a name that occurs a second time in its object. The last value counts.
type Repeated struct {
	Offset int // where the name starts, in bytes
	First  int // where it has been given first
}

// Scanner reads one document from front to back. Its first syntax error ends the reading: from then on every method
// does nothing.
type Scanner struct {
	KeepUnknown bool // fill Unknown and Repeated

	Problems []Problem
	Unknown  []Unknown
	Repeated []Repeated
	NULs     []int // offsets of strings that hold a NUL byte, and so can't be handed to the kernel

	doc    string
	pos    int
	depth  int
	fresh  bool   // the object or array just entered has given no element yet
	sawNUL bool   // the string just read holds a NUL byte
	name   string // of the member that NextKey has moved to
	nameAt int
	err    *SyntaxError
	block  []string // see Strings
}

// New returns a scanner of doc. Strings without escapes are slices of doc.
func New(doc string) *Scanner { return &Scanner{doc: doc} }

// Err returns the syntax error that ended the reading, or nil.
func (s *Scanner) Err() *SyntaxError { return s.err }

// fail ends the reading.
func (s *Scanner) fail(at int, text string) {
	if s.err == nil {
		s.err = &SyntaxError{Offset: at, Text: text}
	}
	s.pos = len(s.doc)
}

// peek returns the first byte of the next token, or 0 at the end of the document.
func (s *Scanner) peek() byte {
	for s.pos < len(s.doc) {
		switch c := s.doc[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// open enters the object or array that starts here.
func (s *Scanner) open() {
	if s.depth++; s.depth > MaxDepth {
		s.fail(s.pos, "nests deeper than "+strconv.Itoa(MaxDepth)+" levels")
		return
	}
	s.pos++
	s.fresh = true
}

// EnterObject enters an object; NextKey then moves from member to member. It reports false, with nothing left to read,
// if the value is null or something else.
func (s *Scanner) EnterObject() bool {
	if s.peek() == '{' {
		s.open()
		return s.err == nil
	}
	if !s.SkipNull() {
		s.SkipMismatch("must be an object")
	}
	return false
}

// EnterArray enters an array; NextElement then moves from element to element. It reports false as EnterObject does.
func (s *Scanner) EnterArray() bool {
	if s.peek() == '[' {
		s.open()
		return s.err == nil
	}
	if !s.SkipNull() {
		s.SkipMismatch("must be an array")
	}
	return false
}

// NextKey moves to the next member of the object, whose value must then be read or skipped. It reports false at the
// end.
func (s *Scanner) NextKey() bool {
	if !s.advance('}') {
		return false
	}
	if s.peek() != '"' {
		s.failUnexpected("a property name in double quotes")
		return false
	}
	s.nameAt = s.pos
	if s.name = s.scanString(); s.err != nil {
		return false
	}
	if s.peek() != ':' {
		s.failUnexpected("':' after the property name")
		return false
	}
	s.pos++
	return true
}

// NextElement moves to the next element of the array, which must then be read or skipped. It reports false at the end.
func (s *Scanner) NextElement() bool { return s.advance(']') }

// advance steps over the comma before an element, or over the bracket that ends the list.
func (s *Scanner) advance(end byte) bool {
	if s.err != nil {
		return false
	}
	c := s.peek()
	if c == end {
		s.pos++
		s.depth--
		s.fresh = false
		return false
	}
	if s.fresh {
		s.fresh = false
		return true
	}
	if c != ',' {
		s.failUnexpected("',' or '" + string(rune(end)) + "'")
		return false
	}
	comma := s.pos
	s.pos++
	if s.peek() == end {
		s.fail(comma, "no ',' may stand before '"+string(rune(end))+"'")
		return false
	}
	return true
}

// SkipNull steps over a null and reports whether there was one.
func (s *Scanner) SkipNull() bool { return s.peek() == 'n' && s.skipLiteral("null") }

// skipLiteral steps over word, of which the first byte was seen.
func (s *Scanner) skipLiteral(word string) bool {
	if !strings.HasPrefix(s.doc[s.pos:], word) {
		s.failUnexpected("a value")
		return false
	}
	s.pos += len(word)
	return true
}

// Skip steps over a value of any kind.
func (s *Scanner) Skip() {
	switch c := s.peek(); c {
	case '{':
		s.open()
		for s.NextKey() {
			s.Skip()
		}
	case '[':
		s.open()
		for s.NextElement() {
			s.Skip()
		}
	case '"':
		s.scanString()
	case 't':
		s.skipLiteral("true")
	case 'f':
		s.skipLiteral("false")
	case 'n':
		s.skipLiteral("null")
	default:
		if c == '-' || '0' <= c && c <= '9' {
			s.scanNumber()
			return
		}
		s.failUnexpected("a value")
	}
}

// SkipMismatch records that the value that starts here is not of the type that its reader expects, and skips it.
func (s *Scanner) SkipMismatch(text string) {
	s.peek()
	at := s.pos
	s.Skip()
	if s.err == nil {
		s.Problems = append(s.Problems, Problem{Offset: at, Text: text})
	}
}

// CheckEnd checks that nothing but white space is left.
func (s *Scanner) CheckEnd() {
	if s.peek(); s.err == nil && s.pos < len(s.doc) {
		s.failUnexpected("the end of the document")
	}
}

// failUnexpected ends the reading at a token that is not allowed there.
func (s *Scanner) failUnexpected(want string) {
	if s.err != nil {
		return
	}
	c := s.peek()
	at := s.pos
	switch {
	case at >= len(s.doc):
		s.fail(at, "the document ends where "+want+" must follow")
	case c < 0x20 || c == 0x7f:
		s.fail(at, "control character 0x"+strconv.FormatUint(uint64(c), 16)+" where "+want+" must follow")
	default:
		r := []rune(s.doc[at:min(at+4, len(s.doc))])[0]
		text := strconv.QuoteRune(r) + " where " + want + " must follow"
		if r == '\ufeff' { // RFC 8259, section 8.1
			text += ": it is a byte order mark, which JSON does not have"
		}
		s.fail(at, text)
	}
}
