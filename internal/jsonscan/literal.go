package jsonscan

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanString reads the string that starts here: a slice of the document if it contains no escape.
func (s *Scanner) scanString() string {
	s.sawNUL = false
	start := s.pos + 1
	ascii := true
	for i := start; i < len(s.doc); i++ {
		switch c := s.doc[i]; {
		case c == '"':
			if !ascii && !s.checkUTF8(start, i) {
				return ""
			}
			s.pos = i + 1
			return s.doc[start:i]
		case c == '\\':
			if !ascii && !s.checkUTF8(start, i) {
				return ""
			}
			return s.scanEscaped(start, i)
		case c < 0x20:
			s.fail(i, "control character in a string: write it as \\u00"+hex2(c))
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.fail(s.pos, "the string that starts here has no end")
	return ""
}

// scanEscaped reads the rest of a string of which doc[start:i] is read and doc[i] is its first backslash.
func (s *Scanner) scanEscaped(start, i int) string {
	out := append(make([]byte, 0, 2*(i-start)+16), s.doc[start:i]...)
	for i < len(s.doc) {
		switch c := s.doc[i]; {
		case c == '"':
			s.pos = i + 1
			return string(out)
		case c == '\\':
			var ok bool
			if out, i, ok = s.scanEscape(out, i); !ok {
				return ""
			}
		case c < 0x20:
			s.fail(i, "control character in a string: write it as \\u00"+hex2(c))
			return ""
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			_, size := utf8.DecodeRuneInString(s.doc[i:])
			if !s.checkUTF8(i, i+size) {
				return ""
			}
			out = append(out, s.doc[i:i+size]...)
			i += size
		}
	}
	s.fail(s.pos, "the string that starts here has no end")
	return ""
}

// scanEscape appends the character of the escape at doc[i], and returns where the escape ends.
func (s *Scanner) scanEscape(out []byte, i int) ([]byte, int, bool) {
	var c byte
	if i+1 < len(s.doc) {
		c = s.doc[i+1]
	}
	switch c {
	case '"', '\\', '/':
		return append(out, c), i + 2, true
	case 'b':
		return append(out, '\b'), i + 2, true
	case 'f':
		return append(out, '\f'), i + 2, true
	case 'n':
		return append(out, '\n'), i + 2, true
	case 'r':
		return append(out, '\r'), i + 2, true
	case 't':
		return append(out, '\t'), i + 2, true
	case 'u':
		return s.scanUnicode(out, i)
	}
	s.fail(i, `a backslash in a string must be followed by one of "\/bfnrtu`)
	return nil, 0, false
}

// scanUnicode appends the character of the \uXXXX at doc[i], or of two of them that make a surrogate pair.
func (s *Scanner) scanUnicode(out []byte, i int) ([]byte, int, bool) {
	r, ok := s.parseHex4(i)
	if !ok {
		s.fail(i, `\u must be followed by four hexadecimal digits`)
		return nil, 0, false
	}
	end := i + 6
	if utf16.IsSurrogate(r) {
		low, _ := s.parseHex4(end)
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			s.fail(i, "half of a surrogate pair: no character has this code")
			return nil, 0, false
		}
		end += 6
	}
	s.sawNUL = s.sawNUL || r == 0
	return utf8.AppendRune(out, r), end, true
}

// parseHex4 reads the \uXXXX at doc[i].
func (s *Scanner) parseHex4(i int) (rune, bool) {
	if len(s.doc)-i < 6 || s.doc[i] != '\\' || s.doc[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s.doc[i+2 : i+6]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// checkUTF8 checks that doc[from:to] is UTF-8.
func (s *Scanner) checkUTF8(from, to int) bool {
	for i := from; i < to; {
		r, size := utf8.DecodeRuneInString(s.doc[i:to])
		if r == utf8.RuneError && size <= 1 {
			s.fail(i, "byte 0x"+strconv.FormatUint(uint64(s.doc[i]), 16)+" is not UTF-8")
			return false
		}
		i += size
	}
	return true
}

// scanNumber steps over the number that starts here and returns its text.
func (s *Scanner) scanNumber() string {
	start, i := s.pos, s.pos
	if s.at(i) == '-' {
		i++
	}
	switch c := s.at(i); {
	case c == '0':
		i++
	case '1' <= c && c <= '9':
		i = s.skipDigits(i)
	default:
		s.fail(start, "a number must have a digit after '-'")
		return ""
	}
	if c := s.at(i); '0' <= c && c <= '9' {
		s.fail(start, "a number must not start with 0")
		return ""
	}
	if s.at(i) == '.' {
		end := s.skipDigits(i + 1)
		if end == i+1 {
			s.fail(start, "a number must have a digit after '.'")
			return ""
		}
		i = end
	}
	if c := s.at(i); c == 'e' || c == 'E' {
		i++
		if c := s.at(i); c == '+' || c == '-' {
			i++
		}
		end := s.skipDigits(i)
		if end == i {
			s.fail(start, "a number must have a digit in its exponent")
			return ""
		}
		i = end
	}
	s.pos = i
	return s.doc[start:i]
}

// at returns the byte at i, or 0 beyond the end.
func (s *Scanner) at(i int) byte {
	if i < len(s.doc) {
		return s.doc[i]
	}
	return 0
}

// skipDigits returns the end of the run of digits that starts at i.
func (s *Scanner) skipDigits(i int) int {
	for i < len(s.doc) && '0' <= s.doc[i] && s.doc[i] <= '9' {
		i++
	}
	return i
}

func hex2(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}
