package plan

import (
	"slices"
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	for _, c := range []struct {
		text string
		used int
		want []string
	}{
		{"", 0, []string{""}},
		{"a bb ccc", 0, []string{"a bb ccc"}},
		{"aaaa bbbb cccc", 0, []string{"aaaa bbbb", "cccc"}},
		{"aaaa bbbb cccc", 5, []string{"aaaa", "bbbb cccc"}},
		{"a-word-wider-than-the-line b", 0, []string{"a-word-wider-than-the-line", "b"}},
	} {
		if got := fold(c.text, c.used, 10); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q", c.text, got)
		}
	}
}

// A folded plan says the same as one that is not, in lines that fit wherever they have blanks to be broken at.
func TestViewFolds(t *testing.T) {
	s, f := config(t, `{}`), modern()
	p, err := Compile(s, &f, options(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	words := func(text string) []string {
		return slices.DeleteFunc(strings.Fields(text), func(w string) bool { return w == "#" })
	}
	const width = 60
	folded, whole := string(p.AppendView(nil, &View{Width: width})), string(p.AppendText(nil, false))
	if !slices.Equal(words(folded), words(whole)) {
		t.Error("folding has changed the words")
	}
	for line := range strings.Lines(folded) {
		line = strings.TrimRight(line, "\n")
		if len(line) > width && !strings.Contains(line, "rt: ") && strings.Contains(line, ", ") {
			t.Errorf("too wide: %s", line)
		}
	}
}

func TestViewSelects(t *testing.T) {
	s, f := config(t, `{"linux": {"maskedPaths": ["/proc/keys"]}, "mounts": [{"destination": "/proc", "type": "proc"},
		{"destination": "/x", "type": "tmpfs"}]}`), modern()
	p, err := Compile(s, &f, options(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	text := string(p.AppendView(nil, &View{Keep: Serves("mounts[1]")}))
	if !strings.Contains(text, "mounts[1].type") || strings.Contains(text, "mounts[0]") ||
		strings.Contains(text, "rt opens") || !strings.HasPrefix(text, "mounts\n") {
		t.Errorf("mounts[1]: %s", text)
	}
	if text := p.AppendView(nil, &View{Keep: Serves("mounts[10]")}); len(text) > 0 {
		t.Errorf("mounts[10]: %s", text)
	}
	if text := string(p.AppendView(nil, &View{Keep: Mentions("/x")})); !strings.Contains(text,
		"mounts[1].destination") {
		t.Errorf("/x: %s", text)
	}
}
