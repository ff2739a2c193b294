package diag

import "testing"

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"\n\n":                "",
		" a \r\n\n b\n":       "a | b",
		"\xa9ab":              "ab", // the second half of a rune
		"a\x1b[31mred\tb\x00": "a[31mred b",
		"größer":              "größer",
	} {
		if got := OneLine([]byte(in)); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
