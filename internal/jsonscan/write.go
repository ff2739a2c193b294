package jsonscan

import "unicode/utf8"

// AppendString appends s as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD, as in
// encoding/json: JSON can't represent them.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[from:i]...), `\ufffd`...)
				from = i + 1
			} else if r <= 0x9f { // a control character, which JSON allows and a terminal may act on
				dst = appendEscape(append(dst, s[from:i]...), byte(r))
				from = i + size
			}
			i += size
			continue
		}
		if c >= 0x20 && c != 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = appendEscape(append(dst, s[from:i]...), c)
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// appendEscape appends one character that a JSON string can contain only as an escape.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(append(dst, `\u00`...), hex2(c)...)
}
