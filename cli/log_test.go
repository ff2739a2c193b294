package cli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

var failure = &diag.Error{
	Kind: diag.Kernel, Op: "create web1", Field: "mounts[3].destination", Value: "/data/\"x\"",
	Problem: "make the mount point",
	Step:    31, Text: `mkdirat($root, "data", 0755)`, Call: "mkdirat", Errno: unix.EROFS, Hint: "remount it",
	More: []*diag.Error{diag.At("hostname", "wants a uts namespace"), {Problem: "second\nline"}},
}

// All that rt knows of an error is in its entry, for programs to read, and msg is what people get to see.
func TestErrorAsJSON(t *testing.T) {
	l := log{json: true}
	var e map[string]any
	text := l.appendError(nil, failure, []string{"no such capability"})
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if strings.Count(string(text), "\n") != 1 || text[len(text)-1] != '\n' {
		t.Errorf("an entry is one line: %q", text)
	}
	for name, want := range map[string]any{
		"level": "error", "kind": "kernel", "op": "create web1", "field": "mounts[3].destination", "value": `/data/"x"`,
		"problem": "make the mount point", "step": 31.0, "text": `mkdirat($root, "data", 0755)`, "call": "mkdirat",
		"errno": "EROFS", "hint": "remount it",
	} {
		if e[name] != want {
			t.Errorf("%s is %v, want %v", name, e[name], want)
		}
	}
	more := e["more"].([]any)
	if len(more) != 2 || more[0].(map[string]any)["field"] != "hostname" ||
		more[1].(map[string]any)["problem"] != "second\nline" {
		t.Errorf("more is %v", more)
	}
	msg := e["msg"].(string)
	for _, want := range []string{
		"read-only file system (EROFS)", "[step 31]", "hostname: wants a uts namespace",
		"(warning: no such capability)",
	} {
		if !strings.Contains(msg, want) {
			t.Errorf("msg lacks %q: %s", want, msg)
		}
	}
	if w := e["warnings"].([]any); len(w) != 1 || w[0] != "no such capability" {
		t.Errorf("warnings are %v", w)
	}
}

func TestErrorAsText(t *testing.T) {
	text := string((&log{}).appendError(nil, errors.New(`open "x": no`), nil))
	if !strings.HasPrefix(text, `time="`) || !strings.HasSuffix(text, `Z" level=error msg="open \"x\": no"`+"\n") {
		t.Errorf("the entry is %s", text)
	}
}

// Standard error: a block for a person at a terminal, a line for a program, JSON if that is the log.
func TestStderr(t *testing.T) {
	for _, c := range []struct {
		terminal, json bool
		begin          string
		lines          int
	}{
		{false, false, "rt: create web1: mounts[3].destination", 1},
		{false, true, `{"level":"error","msg":"create web1: `, 1},
		{true, false, "rt: create web1: mounts[3].destination", 7},
	} {
		var b strings.Builder
		l := log{program: "rt", stderr: &b, json: c.json, terminal: func() bool { return c.terminal }}
		l.failure(failure, []string{"no such capability"})
		if !strings.HasPrefix(b.String(), c.begin) || strings.Count(b.String(), "\n") != c.lines {
			t.Errorf("%+v: %s", c, b.String())
		}
		if !strings.Contains(b.String(), "warning: no such capability") {
			t.Errorf("%+v: the warning is lost: %s", c, b.String())
		}
	}
}

func TestWarningsAndDebug(t *testing.T) {
	for json, want := range map[bool]string{
		false: "rt: warning: a | b\nrt: debug: c\n",
		true:  `{"level":"warning","msg":"a\nb","time":"`,
	} {
		var b strings.Builder
		l := log{program: "rt", stderr: &b, json: json}
		l.warnings([]string{"a\nb"})
		l.debug("c")
		if !strings.HasPrefix(b.String(), want) || strings.Count(b.String(), "\n") != 2 {
			t.Errorf("json %v: %s", json, b.String())
		}
	}
}

// Warnings about capabilities, which an unprivileged rt has for every container, are no noise around other errors.
func TestRelatedWarnings(t *testing.T) {
	warnings := []string{"process.capabilities: CAP_KILL can't be granted", "other"}
	for _, c := range []struct {
		e    *diag.Error
		want int
	}{
		{&diag.Error{Field: "mounts[0].source", Errno: unix.ENOENT}, 1},
		{&diag.Error{Field: "process.capabilities", Errno: unix.EINVAL}, 2},
		{&diag.Error{Field: "mounts[0]", Errno: unix.EPERM}, 2},
		{&diag.Error{Field: "process.args[0]", Errno: unix.EACCES}, 2},
	} {
		if got := related(c.e, warnings); len(got) != c.want {
			t.Errorf("%v: %q", c.e, got)
		}
	}
}
