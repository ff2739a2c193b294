package jsonscan

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Nothing here runs while a document is read: a position is an offset until it has to be printed.

// LineColumn returns the line and the column of an offset, both from 1. A column is a character, not a byte.
func LineColumn(doc string, offset int) (line, column int) {
	before := doc[:min(offset, len(doc))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// maxPath bounds the length of a path in messages: nobody reads a longer one.
const maxPath = 200

// PathAt returns the path of the value, or of the property, at an offset: "process.args[0]". The path of the whole
// document is empty. It works as far as the document is JSON, and stops when the path gets too long to read.
func PathAt(doc string, offset int) string {
	var path []byte
	s := New(doc)
	for step, found := s.findElement(offset); found; step, found = s.findElement(offset) {
		if path = append(path, step...); len(path) > maxPath {
			path = append(path, "..."...)
			break
		}
	}
	return strings.TrimPrefix(string(path), ".")
}

// findElement looks for the element at offset in the object or array that starts here, moves to its value and returns
// its step of the path.
func (s *Scanner) findElement(offset int) (step string, found bool) {
	isObject := s.peek() == '{'
	if !isObject && s.peek() != '[' || s.pos >= offset {
		return "", false
	}
	s.open()
	for i := 0; isObject && s.NextKey() || !isObject && s.NextElement(); i++ {
		value := *s
		s.Skip()
		if s.err == nil && s.pos <= offset {
			continue
		}
		s.pos, s.depth, s.fresh, s.err = value.pos, value.depth, value.fresh, nil
		if s.peek(); isObject && offset < value.nameAt || !isObject && offset < s.pos {
			return "", false // between two elements
		}
		if isObject {
			return string(AppendName(nil, value.name)), true
		}
		return "[" + strconv.Itoa(i) + "]", true
	}
	return "", false
}

// AppendName appends the step of a path to a property: ".cwd", or, if that would be hard to read,
// `["net.ipv4.ip_forward"]`.
func AppendName(path []byte, name string) []byte {
	plain := name != ""
	for i := range len(name) {
		if c := name[i]; c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			plain = false
		}
	}
	if plain {
		return append(append(path, '.'), name...)
	}
	return append(strconv.AppendQuote(append(path, '['), name), ']')
}

// Describe describes the value that starts at an offset: "the number -1", "an array".
func Describe(doc string, offset int) string {
	s := New(doc[offset:])
	switch s.peek() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	s.Skip()
	text := s.doc[:s.pos]
	switch text[0] {
	case '"':
		if len(text) > 40 {
			text = strings.ToValidUTF8(text[:36], "") + `..."`
		}
		return "the string " + text
	case 't', 'f':
		return text
	}
	return "the number " + text
}
