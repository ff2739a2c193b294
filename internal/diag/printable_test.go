package diag

import "testing"

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"plain text, 'quoted'":     "plain text, 'quoted'",
		"größer 容器":                "größer 容器",
		"a\x1b[2J\x07b\r\n\tc\x7f": `a\x1b[2J\ab\r\n\tc\x7f`,
		"\u009b31m":                `\u009b31m`,
		"\x9b\xff":                 `\x9b\xff`,
		"a\u202eb\u2066c\u2028d":   `a\u202eb\u2066c\u2028d`,
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
