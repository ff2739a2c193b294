package jsonscan

import (
	"strconv"
	"strings"
)

// Find returns the offset of the value that a path names, in the form of PathAt: for a property that of its name, for
// an element that of its value. If the document does not have it, Find returns false and the offset of the last part of
// the path that exists. Of a name given twice the last counts, and a name that differs only in case is found if there
// is no exact match, as for the readers.
func Find(doc, path string) (offset int, found bool) {
	s := New(doc)
	s.peek()
	offset = s.pos
	for path != "" {
		name, index, rest, ok := cutStep(path)
		if !ok {
			return offset, false
		}
		at, value := s.findChild(name, index)
		if at < 0 {
			return offset, false
		}
		offset, path = at, rest
		s = New(doc)
		s.pos = value
	}
	return offset, true
}

// cutStep takes the first step from a path: a name, or with index >= 0 an element.
func cutStep(path string) (name string, index int, rest string, ok bool) {
	path = strings.TrimPrefix(path, ".")
	if !strings.HasPrefix(path, "[") {
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		return path[:end], -1, path[end:], end > 0
	}
	if quoted, err := strconv.QuotedPrefix(path[1:]); err == nil {
		name, err = strconv.Unquote(quoted)
		rest, ok = strings.CutPrefix(path[1+len(quoted):], "]")
		return name, -1, rest, ok && err == nil
	}
	digits, rest, ok := strings.Cut(path[1:], "]")
	index, err := strconv.Atoi(digits)
	return "", index, rest, ok && err == nil && index >= 0
}

// findChild looks for a member or an element in the object or array that starts here. It returns the offsets of the
// member and of its value, or -1.
func (s *Scanner) findChild(name string, index int) (at, value int) {
	at, value = -1, -1
	exact := false
	switch s.peek() {
	case '[':
		s.open()
		for i := 0; s.NextElement(); i++ {
			s.peek()
			if i == index {
				return s.pos, s.pos
			}
			s.Skip()
		}
	case '{':
		s.open()
		for index < 0 && s.NextKey() {
			same := s.name == name
			if same || !exact && strings.EqualFold(s.name, name) {
				s.peek()
				at, value, exact = s.nameAt, s.pos, same
			}
			s.Skip()
		}
	}
	return at, value
}
