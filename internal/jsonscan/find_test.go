package jsonscan

import (
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	const doc = `{
  "process": {"args": ["sh", "-c"], "cwd": "/"},
  "linux": {"sysctl": {"net.ipv4.ip_forward": "1", "a]b": "2"}, "Devices": [{"path": "/dev/x"}]},
  "process": {"args": ["second"]}
}`
	for path, want := range map[string]string{
		"":                                    "{\n",
		"process":                             `"process": {"args": ["second`,
		"process.args[0]":                     `"second"]`,
		`linux.sysctl["net.ipv4.ip_forward"]`: `"net.ipv4`,
		`linux.sysctl["a]b"]`:                 `"a]b"`,
		"linux.devices[0].path":               `"path"`,
	} {
		at, ok := Find(doc, path)
		if !ok || !strings.HasPrefix(doc[at:], want) {
			t.Errorf("%q: %v, %.20q", path, ok, doc[at:])
		}
		if back := PathAt(doc, at); path != "" && !strings.EqualFold(back, path) {
			t.Errorf("%q: PathAt says %q", path, back)
		}
	}
	for path, want := range map[string]string{
		"process.cwd":     `"process": {"args": ["second`, // of a name given twice the last counts
		"process.args[1]": `"args": ["second`, "root.path": "{\n", "linux.sysctl[x": `"sysctl"`, "--flag": "{\n",
		"linux.devices[0][1]": `{"path"`, "process.args.x": `"args": ["second`, "linux.devices[-1]": `"Devices"`,
	} {
		at, ok := Find(doc, path)
		if ok || !strings.HasPrefix(doc[at:], want) {
			t.Errorf("%q: %v, %.20q", path, ok, doc[at:])
		}
	}
}

// FuzzFind: Find finds the path that PathAt returns. A path that was cut short, or leads through a name given twice, is
// the path of another value, but Find ends.
func FuzzFind(f *testing.F) {
	f.Add(`{"a":[{"b.c":1},2]}`, 6)
	f.Add(`{"a":1,"a":{"":0}}`, 12)
	f.Fuzz(func(t *testing.T, doc string, offset int) {
		if offset < 0 || offset > len(doc) {
			return
		}
		if at, _ := Find(doc, PathAt(doc, offset)); at < 0 || at > len(doc) {
			t.Errorf("offset %d", at)
		}
	})
}
