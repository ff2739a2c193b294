package cli

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer"
)

// CVE-2026-30892: what is no plain number is nobody, and never root.
func TestParseUser(t *testing.T) {
	for word, want := range map[string][2]int64{
		"0": {0, -1}, "1": {1, -1}, "1:2": {1, 2}, "0:0": {0, 0}, "4294967294:4294967294": {4294967294, 4294967294},
		"007": {7, -1},
	} {
		var o libcontainer.ProcessOptions
		err := parseUser(&o, word)
		got := [2]int64{-1, -1}
		if err == nil && o.UID != nil {
			got[0] = int64(*o.UID)
		}
		if o.GID != nil {
			got[1] = int64(*o.GID)
		}
		if got != want {
			t.Errorf("%q: %d, %v, want %d", word, got, err, want)
		}
	}
	for _, word := range []string{
		"", ":", "1:", ":1", "-1", "+1", " 1", "1 ", "0x1", "1e3", "1_0", "1:2:3", "1:-1",
		"4294967295", "4294967296", "18446744073709551616", "١", "root:", "a b", "a:b:c", "../a", "a/b", "-a", "é",
	} {
		var o libcontainer.ProcessOptions
		if err := parseUser(&o, word); err == nil {
			t.Errorf("%q is a user", word)
		}
	}
	for word, want := range map[string][2]string{
		"root": {"root", ""}, "www-data:www-data": {
			"www-data",
			"www-data",
		}, "1:root": {"", "root"}, "_x.y9$": {"_x.y9$", ""},
	} {
		var o libcontainer.ProcessOptions
		if err := parseUser(&o, word); err != nil || o.UserName != want[0] || o.GroupName != want[1] {
			t.Errorf("%q: %+v, %v", word, o, err)
		}
	}
}

func TestExecWords(t *testing.T) {
	var o libcontainer.ExecOptions
	w := execWords{user: "5", groups: []string{"6", "7"}, caps: []string{"CAP_KILL", "chown"}}
	if err := parse(&o, &w, []string{"app", "-x"}); err != nil {
		t.Fatal(err)
	}
	if *o.UID != 5 || o.GID != nil || len(o.AdditionalGids) != 2 ||
		o.Capabilities != 1<<unix.CAP_KILL|1<<unix.CAP_CHOWN ||
		len(o.Args) != 2 {
		t.Errorf("got %+v", o)
	}
	for want, c := range map[string]struct {
		words execWords
		args  []string
		file  string
		env   string
	}{
		"process args cannot be empty":        {},
		"--additional-gids \"-1\": must be":   {words: execWords{groups: []string{"-1"}}, args: []string{"a"}},
		"--cap \"CAP_KILLS\": is no capabili": {words: execWords{caps: []string{"CAP_KILLS"}}, args: []string{"a"}},
		"--env \"A\": must be NAME=VALUE":     {args: []string{"a"}, env: "A"},
		"--env \"=A\": must be NAME=VALUE":    {args: []string{"a"}, env: "=A"},
		"--process \"p.json\": names the pro": {args: []string{"a"}, file: "p.json"},
	} {
		o := libcontainer.ExecOptions{ProcessOptions: libcontainer.ProcessOptions{File: c.file}}
		if c.env != "" {
			o.Env = []string{c.env}
		}
		if err := parse(&o, &c.words, c.args); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	o = libcontainer.ExecOptions{HostBinary: "/usr/bin/busybox"}
	if err := parse(&o, &execWords{}, []string{"sh"}); err != nil || strings.Join(o.Args, " ") != "busybox sh" {
		t.Errorf("%q, %v", o.Args, err)
	}
}

// What follows the id is the program's, whatever it looks like; what stands before it is rt's.
func TestExecArgumentsStayAsTheyAre(t *testing.T) {
	c, _, rest, err := understood(
		[]string{"exec", "-e", "A=1,2", "--env=B", "--no-new-privs=false", "-t", "id", "ls", "-t", "--env", "x"},
	)
	if err != nil || strings.Join(rest, " ") != "id ls -t --env x" {
		t.Fatalf("%q, %v", rest, err)
	}
	for _, f := range c.Flags {
		switch to := f.To.(type) {
		case *[]string:
			if f.Name == "env" && strings.Join(*to, "|") != "A=1,2|B" {
				t.Errorf("--env: %q", *to)
			}
		case **bool:
			if *to == nil || **to {
				t.Error("--no-new-privs=false says something else than nothing")
			}
		}
	}
}

// "rt exec web1 -it sh" is a mistake that the error of the missing program "-it" explains.
func TestOptionsBehindTheID(t *testing.T) {
	err := &diag.Error{Field: "process.args[0]", Hint: "x"}
	if addOrderHint(err, "rt", []string{"ls"}); err.Hint != "x" {
		t.Errorf("the hint for a program is %q", err.Hint)
	}
	if addOrderHint(err, "rt", []string{"-it", "sh"}); !strings.Contains(err.Hint, "before the container ID") {
		t.Errorf("the hint for an option is %q", err.Hint)
	}
}

// rt's own failure must not look like the program's status.
func TestExecFailsWith255(t *testing.T) {
	_, errs, status := rt(t, "--root", t.TempDir(), "exec", "nope", "true")
	if status != 255 || !strings.Contains(errs, "does not exist") {
		t.Errorf("status %d, %s", status, errs)
	}
	if _, _, status := rt(t, "exec"); status != 1 {
		t.Errorf("without an id: status %d, want that of a wrong command line", status)
	}
}
