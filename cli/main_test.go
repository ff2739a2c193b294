package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rt runs a command line in this process and returns what it printed and its exit status.
func rt(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return called(t, append([]string{"rt"}, args...)...)
}

// called is rt under the name of its first argument.
func called(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	c := &Call{Stdout: &out, Stderr: &errs, program: program(args)}
	c.log = log{program: c.program, stderr: &errs, terminal: func() bool { return false }}
	status = c.main(args)
	return out.String(), errs.String(), status
}

// parseVersion is how go-runc reads --version (runc.go): it gives up where the first line is not of its runc.
func TestVersion(t *testing.T) {
	defer func(v, c string) { version, commit = v, c }(version, commit)
	version, commit = "1.2.3", "abcdef0"
	for name, want := range map[string]string{
		"rt": "rt version ", "/usr/sbin/runc": "runc version ",
		"buildkit-runc": "runc version ",
	} {
		out, _, status := called(t, name, "--version")
		if status != 0 || !strings.HasPrefix(out, want+"1.2.3\ncommit: abcdef0\n") {
			t.Errorf("%s --version: %d\n%s", name, status, out)
		}
		// moby (daemon/info_unix.go): the name stands before "version", two words make each further line.
		if !strings.Contains(out, "\nspec: 1.3.0\n") {
			t.Errorf("%s --version has no spec line:\n%s", name, out)
		}
	}
	for _, args := range [][]string{{"-v"}, {"version"}, {"--debug", "--version"}} {
		if out, _, status := rt(t, args...); status != 0 || !strings.HasPrefix(out, "rt version ") {
			t.Errorf("%v: %d %s", args, status, out)
		}
	}
}

var update = flag.Bool("update", false, "rewrite the golden file")

// The help of everything, as people read it: its wording is reviewed like code.
func TestHelpText(t *testing.T) {
	text, _, _ := rt(t, "--help")
	for _, c := range Commands() {
		help, _, _ := rt(t, c.Name, "--help")
		help, _, _ = strings.Cut(help, "\nGLOBAL OPTIONS:\n") // once is enough
		text += "\n================\n\n" + help
		for _, sub := range c.Commands {
			help, _, _ := rt(t, c.Name, sub.Name, "--help")
			help, _, _ = strings.Cut(help, "\nGLOBAL OPTIONS:\n")
			text += "\n================\n\n" + help
		}
	}
	const golden = "testdata/help.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("help reads differently than in %s: go test ./cli -update, and read the diff", golden)
	}
}

// Help ends where the terminal does.
func TestHelpWidth(t *testing.T) {
	for _, c := range []struct{ columns, want int }{{0, 80}, {20, 40}, {60, 60}, {300, 100}} {
		var out bytes.Buffer
		call := &Call{Stdout: &out, Stderr: io.Discard, program: "rt", width: c.columns}
		if status := call.main([]string{"rt", "run", "--help"}); status != 0 {
			t.Fatal(status)
		}
		longest := 0
		for line := range strings.Lines(out.String()) {
			if !strings.HasPrefix(line, "      # ") && !strings.HasPrefix(line, "   rt run ") &&
				strings.Contains(strings.TrimSpace(line), " ") {
				longest = max(longest, len(strings.TrimRight(line, "\n")))
			}
		}
		if longest > c.want || longest < c.want-20 {
			t.Errorf("at %d columns the longest line has %d, want about %d", c.columns, longest, c.want)
		}
	}
}

// Help that nobody can read is not a success.
func TestHelpCannotBePrinted(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"--help"}, {"run", "--help"}, {"version"}, {"help", "list"}} {
		var errs bytes.Buffer
		c := &Call{Stdout: full, Stderr: &errs, program: "rt"}
		c.log = log{program: "rt", stderr: &errs, terminal: func() bool { return false }}
		if status := c.main(append([]string{"rt"}, args...)); status != 1 ||
			!strings.Contains(errs.String(), "no space left on device") {
			t.Errorf("rt %v >/dev/full: status %d, %q", args, status, errs.String())
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"help"}, {"--help"}, {"-h"}} {
		out, errs, status := rt(t, args...)
		if status != 0 || errs != "" || !strings.HasPrefix(out, "NAME:\n   rt - ") {
			t.Errorf("rt %v: %d %s%s", args, status, errs, out)
		}
	}
	// Options alone ask for the same help: it has all commands and options, not only the given ones.
	whole, _, _ := rt(t, "--help")
	if out, errs, status := rt(t, "--root", "/r"); status != 0 || errs != "" || out != whole {
		t.Errorf("rt --root /r: %d %s%s, want the help of rt --help", status, errs, out)
	}
	for _, c := range Commands() {
		for _, args := range [][]string{{"help", c.Name}, {c.Name, "--help"}, {c.Name, "-h"}} {
			out, errs, status := rt(t, args...)
			if status != 0 || errs != "" || !strings.HasPrefix(out, "NAME:\n   rt "+c.Name+" - "+c.Summary) {
				t.Errorf("rt %v: %d %s%s", args, status, errs, out)
			}
		}
	}
}

// A wrong command line gets one line on standard error, which says where the help is: rc 1, or 3 if there is no such
// command.
func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		out    string
		errs   string
	}{
		{
			[]string{"create"},
			1, "",
			`rt: "create" requires exactly 1 argument(s): <container-id> (hint: see "rt create --help")`,
		},
		{[]string{"create", "--nope", "a"}, 1, "", "rt: flag provided but not defined: -nope"},
		{[]string{"--nope"}, 1, "", "rt: flag provided but not defined: -nope"},
		{[]string{"start", "--root"}, 1, "", "rt: flag needs an argument: --root"},
		{[]string{"strat", "a"}, 3, "", `rt: "strat" is not a command of rt (hint: did you mean "start"?)`},
		{[]string{"help", "strat"}, 3, "", `rt: "strat" is not a command of rt`},
		{[]string{"--log-format", "xml", "list"}, 1, "", `rt: --log-format "xml": must be text or json`},
		{[]string{"--rootless", "maybe", "list"}, 1, "", `rt: --rootless "maybe": must be true, false or auto`},
		{[]string{"list", "--format", "yaml"}, 1, "", `rt: --format "yaml": must be table or json`},
		{[]string{"kill", "a", "NOPE"}, 1, "", `rt: signal "NOPE": unknown signal`},
		{
			[]string{"kill", "a", "--all", "9"},
			1, "",
			`rt: "kill" takes at most 2 argument(s): <container-id> [signal] (hint: options stand before the ID`,
		},
		{[]string{"update", "--cpu-quota", "5", "a"}, 1, "", `rt: --cpu-quota "5": must be at least 1000 microseconds`},
		{[]string{"update", "--blkio-weight", "5", "a"}, 1, "", `rt: --blkio-weight "5": must be a number from 10 to`},
		{
			[]string{"update", "--memory", "2m", "--memory-swap", "1m", "a"},
			1, "",
			`rt: memory.swap "1048576": must not be below the limit`,
		},
		{[]string{"update", "-r", "/dev/null/x", "a"}, 1, "", `rt: --resources "/dev/null/x": can't be read`},
		{[]string{"update", "-r", "testdata/help.txt", "a"}, 1, "", `rt: testdata/help.txt:1:1: is not JSON: `},
	} {
		out, errs, status := rt(t, c.args...)
		if status != c.status {
			t.Errorf("rt %v: status %d, want %d", c.args, status, c.status)
		}
		if !strings.HasPrefix(out, c.out) || (c.out == "" && out != "") {
			t.Errorf("rt %v printed %q", c.args, out)
		}
		if !strings.HasPrefix(errs, c.errs) || strings.Count(errs, "\n") != 1 {
			t.Errorf("rt %v said %q, want one line that starts with %q", c.args, errs, c.errs)
		}
	}
}

// logEntry is what containerd's shim (getLastRuntimeError), buildkit and podman decode.
type logEntry struct {
	Level string    `json:"level"`
	Msg   string    `json:"msg"`
	Time  time.Time `json:"time"`
	Kind  string    `json:"kind"`
}

// podman reads the whole log as one JSON object: a failed command leaves one, and a silent one leaves no file at all.
func TestLogOfAFailure(t *testing.T) {
	file, root := filepath.Join(t.TempDir(), "log.json"), t.TempDir()
	_, errs, status := rt(t, "--root", root, "--log", file, "--log-format", "json", "state", "nope")
	if status != 1 || !strings.Contains(errs, "does not exist") {
		t.Errorf("status %d, %s", status, errs)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var e logEntry
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if e.Level != "error" || !strings.Contains(e.Msg, "does not exist") || e.Kind != "absent" ||
		time.Since(e.Time).Abs() > time.Minute {
		t.Errorf("the log has %s", text)
	}
	// The next call adds its own line.
	rt(t, "--root", root, "--log", file, "--log-format", "json", "create")
	if text, _ = os.ReadFile(file); strings.Count(string(text), "\n") != 2 {
		t.Errorf("two failures, and the log has %s", text)
	}

	silent := filepath.Join(t.TempDir(), "log.json")
	if _, _, status := rt(t, "--root", root, "--log", silent, "list"); status != 0 {
		t.Errorf("list: status %d", status)
	}
	if text, err := os.ReadFile(silent); err != nil || len(text) != 0 {
		t.Errorf("the log of a command that has nothing to say: %q, %v", text, err)
	}
}

func TestLogCannotBeOpened(t *testing.T) {
	_, errs, status := rt(t, "--root", t.TempDir(), "--log", "/nonexistent/log", "state", "nope")
	if status != 1 || errs != "rt: --log \"/nonexistent/log\": the log can't be opened: openat(2): no such file or "+
		"directory (ENOENT)\n" {
		t.Errorf("status %d, %s", status, errs)
	}
}

func TestListOfNothing(t *testing.T) {
	root := t.TempDir()
	for args, want := range map[string]string{
		"list":               "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n",
		"list --format json": "null\n",
		"list -q":            "",
	} {
		out, errs, status := rt(t, append([]string{"--root", root}, strings.Fields(args)...)...)
		if out != want || errs != "" || status != 0 {
			t.Errorf("%s: %q, %q, %d", args, out, errs, status)
		}
	}
}
