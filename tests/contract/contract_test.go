// Package contract holds rt to what engines count on: the command lines that they send, and what they make of the
// answers.
//
// Each row of a table is one promise: who relies on it, what breaks without it, and a trial with the rt of this source
// as a process, since an engine knows nothing else of it. Where an engine parses what rt says, parse_test.go does it in
// the same way: exit codes and the difference between "is gone" and "has failed" hang on words. The tables are one for
// each kind of promise, in files of their own.
//
// What is here was read in the sources of the engines. That the engines themselves run with rt is tried elsewhere:
// docs/engines.md.
package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	_ "rt/cli" // so that go test does not take yesterday's result for that of another rt
)

// contract is one promise.
type contract struct {
	name   string // what is sent, or what is read
	engine string // who does, and where in its source
	breaks string // what happens without
	try    func(t *testing.T, e *engine)
}

func TestCommandLines(t *testing.T) { keep(t, commandLines) }
func TestAnswers(t *testing.T)      { keep(t, answers) }
func TestErrors(t *testing.T)       { keep(t, failures) }
func TestFiles(t *testing.T)        { keep(t, files) }

// keep tries each promise of a table.
func keep(t *testing.T, table []contract) {
	if os.Geteuid() != 0 || busybox() == "" {
		t.Skip("needs root, and busybox-static for a root file system")
	}
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("%s relies on it; without it: %s", c.engine, c.breaks)
				}
			})
			c.try(t, newEngine(t))
		})
	}
}

// The rt under test has a version and a commit that no other has.
const version, commit = "1.2.3-test", "c0ffee5"

// built is the rt under test, and runc a link to it.
var built, runc string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	// As the shim and conmon are: what exec has started comes to its caller when rt is done.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "rt-contract-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built, runc = filepath.Join(dir, "rt"), filepath.Join(dir, "runc")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags",
		"-s -w -X rt/cli.version="+version+" -X rt/cli.commit="+commit, "-o", built, "../..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v\n%s", err, out))
	}
	if err := os.Symlink("rt", runc); err != nil {
		panic(err)
	}
	return m.Run()
}

// busybox is where the host has it, statically linked; "" if it has not.
func busybox() string {
	path, _ := exec.LookPath("busybox")
	return path
}

// engine is a caller of rt, with a state directory and a bundle of its own. Its container is c1.
type engine struct {
	t          *testing.T
	dir        string // for the files of an engine that belong to a container
	root       string
	bundle     string
	foreground *exec.Cmd // a rt that still runs
}

func newEngine(t *testing.T) *engine {
	t.Helper()
	dir := t.TempDir()
	e := &engine{t: t, dir: dir, root: dir + "/state", bundle: dir + "/bundle"}
	bin := e.bundle + "/rootfs/bin"
	for _, d := range []string{bin, e.bundle + "/rootfs/etc"} {
		e.must(os.MkdirAll(d, 0o755))
	}
	text, err := os.ReadFile(busybox())
	e.must(err)
	e.must(os.WriteFile(bin+"/busybox", text, 0o755))
	for _, name := range []string{"sh", "true", "sleep", "echo", "cat", "kill", "env"} {
		e.must(os.Symlink("busybox", bin+"/"+name))
	}
	if r := e.rt("spec", "--bundle", e.bundle); r.status != 0 {
		t.Fatal(r)
	}
	e.process("sleep", "60")
	t.Cleanup(func() {
		for id := range strings.FieldsSeq(e.rt("--root", e.root, "list", "-q").stdout) {
			e.rt("--root", e.root, "delete", "--force", id)
		}
	})
	return e
}

func (e *engine) must(err error) {
	if err != nil {
		e.t.Helper()
		e.t.Fatal(err)
	}
}

// edit changes config.json.
func (e *engine) edit(change func(config, process map[string]any)) {
	e.t.Helper()
	path := e.bundle + "/config.json"
	text, err := os.ReadFile(path)
	e.must(err)
	var config map[string]any
	e.must(json.Unmarshal(text, &config))
	change(config, config["process"].(map[string]any))
	text, err = json.Marshal(config)
	e.must(err)
	e.must(os.WriteFile(path, text, 0o644))
}

// process makes args the program of the bundle, without a terminal.
func (e *engine) process(args ...string) {
	e.t.Helper()
	e.edit(func(_, process map[string]any) { process["args"], process["terminal"] = args, false })
}

// file writes a file next to the bundle and returns its path.
func (e *engine) file(name, text string) string {
	e.t.Helper()
	path := filepath.Join(e.dir, name)
	e.must(os.WriteFile(path, []byte(text), 0o755))
	return path
}

// read returns what is in a file next to the bundle.
func (e *engine) read(name string) string {
	e.t.Helper()
	text, err := os.ReadFile(filepath.Join(e.dir, name))
	e.must(err)
	return string(text)
}

// result is what an engine gets to see of a call.
type result struct {
	args           []string
	stdout, stderr string
	status         int
}

func (r result) String() string {
	return fmt.Sprintf("rt %s: status %d\nstdout: %s\nstderr: %s", strings.Join(r.args, " "), r.status, r.stdout,
		r.stderr)
}

// call is how an engine calls rt.
type call struct {
	program string // "" is rt under its own name
	stdin   string
	env     []string // further variables
	files   []*os.File
}

// rt calls rt, and fails the test if it hangs.
func (e *engine) rt(args ...string) result {
	e.t.Helper()
	return e.call(call{}, args...)
}

func (e *engine) call(c call, args ...string) result {
	e.t.Helper()
	if c.program == "" {
		c.program = built
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = e.bundle, append(os.Environ(), c.env...), c.files
	if c.stdin != "" {
		cmd.Stdin = strings.NewReader(c.stdin)
	}
	// Files, since a container that stays would keep a pipe open.
	stdout, stderr := e.temporary(), e.temporary()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	r := result{args: args}
	e.must(cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-time.After(2 * time.Millisecond):
		}
		e.reap(cmd)
	}
	if ctx.Err() != nil {
		e.t.Fatalf("rt %v hangs", args)
	}
	r.status = cmd.ProcessState.ExitCode()
	r.stdout, r.stderr = contents(stdout), contents(stderr)
	return r
}

// attended starts a rt that stays with its container.
func (e *engine) attended(args ...string) *exec.Cmd {
	e.t.Helper()
	e.foreground = exec.Command(built, append([]string{"--root", e.root}, args...)...)
	e.must(e.foreground.Start())
	return e.foreground
}

// reap collects the processes that containers have left to their engine: as long as they are there, so are their cgroup
// and their pid namespace. Those that somebody waits for are not among them.
func (e *engine) reap(except *exec.Cmd) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for word := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(word)
			if err == nil && pid != except.Process.Pid && (e.foreground == nil || pid != e.foreground.Process.Pid) {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG|unix.WALL, nil)
			}
		}
	}
}

func (e *engine) temporary() *os.File {
	e.t.Helper()
	f, err := os.CreateTemp(e.dir, "output")
	e.must(err)
	return f
}

// contents reads an output, and is done with it.
func contents(f *os.File) string {
	defer func() { _ = os.Remove(f.Name()); _ = f.Close() }()
	text, err := os.ReadFile(f.Name())
	if err != nil {
		panic(err)
	}
	return string(text)
}

// ok is rt for a call that must succeed, and must have nothing to say to the user.
func (e *engine) ok(args ...string) string {
	e.t.Helper()
	return e.silent(e.rt(append([]string{"--root", e.root}, args...)...))
}

// silent checks that a call has succeeded, with nothing on standard error.
func (e *engine) silent(r result) string {
	e.t.Helper()
	if r.status != 0 || r.stderr != "" {
		e.t.Fatal(r)
	}
	return r.stdout
}

// fails is rt for a call that must fail.
func (e *engine) fails(args ...string) result {
	e.t.Helper()
	r := e.rt(append([]string{"--root", e.root}, args...)...)
	if r.status == 0 || r.stderr == "" {
		e.t.Fatal(r)
	}
	return r
}

// running makes c1 and starts it.
func (e *engine) running() {
	e.t.Helper()
	e.ok("create", "--bundle", e.bundle, "c1")
	e.ok("start", "c1")
}

// status is what rt says of c1.
func (e *engine) status() string {
	e.t.Helper()
	var s struct{ Status string }
	e.must(json.Unmarshal([]byte(e.ok("state", "c1")), &s))
	return s.Status
}

// eventually waits until is is true.
func (e *engine) eventually(what string, is func() bool) {
	e.t.Helper()
	for range 3000 {
		if is() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	e.t.Fatal("it never came to this: " + what)
}

// stopped kills c1 and waits for its end.
func (e *engine) stopped() {
	e.t.Helper()
	e.ok("kill", "c1", "9")
	e.eventually("c1 is stopped", func() bool { return e.status() == "stopped" })
}

// onlyLine returns the one line of a text.
func onlyLine(t *testing.T, text string) []byte {
	t.Helper()
	line, rest, _ := bytes.Cut([]byte(text), []byte("\n"))
	if len(rest) != 0 || len(line) == 0 {
		t.Fatalf("not one line: %q", text)
	}
	return line
}
