package hooks

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// sh is a hook that runs a script.
func sh(script string, args ...string) specs.Hook {
	return specs.Hook{Path: "/bin/sh", Args: append([]string{"sh", "-c", script, "sh"}, args...)}
}

// within is h with a timeout.
func within(seconds int, h specs.Hook) specs.Hook {
	h.Timeout = &seconds
	return h
}

// read is what a hook left in a file.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// failure is the diag.Error that err must be.
func failure(t *testing.T, err error) *diag.Error {
	t.Helper()
	var e *diag.Error
	if !errors.As(err, &e) {
		t.Fatalf("want a *diag.Error, got %v", err)
	}
	return e
}

func TestHooksRunInOrderAndGetTheState(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	list := []specs.Hook{
		sh(`sleep 0.1; { echo 1; cat; } >>"$1"`, out),
		sh(`{ echo 2; cat; } >>"$1"`, out),
	}
	if err := Run("createRuntime", list, []byte("{state}\n"), Options{}); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, out), "1\n{state}\n2\n{state}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := Run("createRuntime", nil, nil, Options{}); err != nil {
		t.Errorf("no hooks: %v", err)
	}
}

func TestArgumentsAndDirectory(t *testing.T) {
	dir := t.TempDir()
	h := specs.Hook{Path: "/bin/sh", Args: []string{
		"a name of its own", "-c",
		`tr '\0' '\n' </proc/$$/cmdline >"$1"; true`, "sh", "args",
	}}
	if err := Run("prestart", []specs.Hook{h}, nil, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "args")); !strings.HasPrefix(got, "a name of its own\n-c\n") {
		t.Errorf("argv %q", got)
	}
	// Without args, argv[0] is the path.
	self := specs.Hook{Path: "/bin/pwd"}
	if err := Run("prestart", []specs.Hook{self}, nil, Options{}); err != nil {
		t.Error(err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("RT_HOOK_TEST", "inherited")
	script := `echo "${RT_HOOK_TEST-unset}" >"$1"`
	for name, c := range map[string]struct {
		hook, fallback []string
		want           string
	}{
		"absent: rt's own":            {nil, nil, "inherited"},
		"absent, with a default":      {nil, []string{"RT_HOOK_TEST=default"}, "default"},
		"given":                       {[]string{"RT_HOOK_TEST=given"}, []string{"RT_HOOK_TEST=default"}, "given"},
		"given, and empty: nothing":   {[]string{}, []string{"RT_HOOK_TEST=default"}, "unset"},
		"given, without the variable": {[]string{"OTHER=1"}, nil, "unset"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			h := sh(script, out)
			h.Env = c.hook
			if err := Run("poststart", []specs.Hook{h}, nil, Options{Env: c.fallback}); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(read(t, out)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFailureNamesTheHook(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	list := []specs.Hook{sh("exit 0"), sh("echo to stdout; echo 'no such  device' >&2; exit 3"), sh(`touch "$1"`, ran)}
	e := failure(t, Run("prestart", list, nil, Options{}))
	const want = `hooks.prestart[1] "/bin/sh": error running prestart hook #1: exit status 3, stdout: to stdout, ` +
		`stderr: no such  device`
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
	if e.Kind != diag.Host || e.Field != "hooks.prestart[1]" || e.Value != "/bin/sh" {
		t.Errorf("got %#v", e)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("the hook after the failed one has run")
	}
}

func TestAllGoesOnAndReportsEveryFailure(t *testing.T) {
	ran := filepath.Join(t.TempDir(), "ran")
	list := []specs.Hook{sh("exit 1"), sh(`touch "$1"`, ran), sh("kill -TERM $$"), {Path: "/nonesuch"}}
	e := failure(t, Run("poststop", list, nil, Options{All: true}))
	if _, err := os.Stat(ran); err != nil {
		t.Error("the hook after the failed one has not run")
	}
	got := e.Error()
	for _, want := range []string{
		"poststop[0]", "exit status 1", "poststop[2]", "signal: terminated (SIGTERM)",
		"poststop[3]", "ENOENT",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %s", want, got)
		}
	}
	if len(e.More) != 2 {
		t.Errorf("%d further problems, want 2", len(e.More))
	}
}

func TestTimeoutKillsTheHookAlone(t *testing.T) {
	dir := t.TempDir()
	// The child must survive its parent, and must not keep rt waiting by holding stderr.
	h := within(1, sh(`sleep 30 & echo $! >"$1/child"; echo waiting >&2; while :; do sleep 0.05; done`, dir))
	start := time.Now()
	e := failure(t, Run("createContainer", []specs.Hook{h}, nil, Options{}))
	took := time.Since(start)
	child, err := strconv.Atoi(strings.TrimSpace(read(t, filepath.Join(dir, "child"))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Kill(child, unix.SIGKILL) }()

	if took < time.Second || took > 5*time.Second {
		t.Errorf("took %s, the timeout was 1 s", took)
	}
	if want := "hook ran past specified timeout of 1.0s, and was killed, stdout: , stderr: " +
		"waiting"; !strings.Contains(e.Error(), want) {
		t.Errorf("%q is missing in %s", want, e)
	}
	if unix.Kill(child, 0) != nil {
		t.Error("a child of the hook was killed too")
	}
}

func TestTimeoutDoesNotHurryAHook(t *testing.T) {
	if err := Run("prestart", []specs.Hook{within(20, sh("sleep 0.05"))}, nil, Options{}); err != nil {
		t.Error(err)
	}
	for _, s := range []int{maxSeconds - 1, maxSeconds, 1 << 62} {
		if err := Run("prestart", []specs.Hook{within(s, sh("sleep 0.01"))}, nil, Options{}); err != nil {
			t.Errorf("timeout of %d s: %v", s, err)
		}
	}
}

func TestDaemonIsNotWaitedForAndSurvivesWriting(t *testing.T) {
	dir := t.TempDir()
	// The daemon waits for what this test does after Run, and gives up: a Run that waits for it ends too.
	h := sh(`(trap '' HUP; for i in $(seq 600); do
		[ ! -e "$1/returned" ] || { echo still here >&2; echo alive >"$1/daemon"; exit; }
		sleep 0.05
	done) & exit 0`, dir)
	if err := Run("poststart", []specs.Hook{h}, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "returned"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 1500 {
		if _, err := os.Stat(filepath.Join(dir, "daemon")); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("rt has waited for the daemon, or that did not survive writing to its stderr")
}

func TestBigState(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB, a pipe holds 64 KiB
	out := filepath.Join(t.TempDir(), "out")
	for name, h := range map[string]specs.Hook{
		"read":          sh(`cat >"$1"`, out),
		"read in part":  sh(`head -c 100000 >/dev/null`),
		"never read":    sh(`sleep 0.05`),
		"closed":        sh(`exec 0</dev/null; sleep 0.05`),
		"with a limit":  within(20, sh(`cat >/dev/null`)),
		"read too late": within(20, sh(`sleep 0.1; cat >/dev/null`)),
	} {
		t.Run(name, func(t *testing.T) {
			if err := Run("prestart", []specs.Hook{h}, big, Options{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if got := read(t, out); got != string(big) {
		t.Errorf("the hook read %d bytes, not the %d of the state", len(got), len(big))
	}
}

func TestHookThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"plain": "#!/bin/sh\n", "dangling": "#!/nonesuch/interpreter\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "plain"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path, dir string
		errno     unix.Errno
		text      string
	}{
		"missing":     {"/nonesuch/hook", "", unix.ENOENT, "execve(2): no such file or directory (ENOENT)"},
		"no x bit":    {dir + "/plain", "", unix.EACCES, "execve(2): permission denied (EACCES)"},
		"interpreter": {dir + "/dangling", "", unix.ENOENT, "hint: the file exists"},
		"directory": {
			"/bin/true", "/nonesuch", unix.ENOENT,
			"its working directory /nonesuch can't be entered: chdir(2)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := failure(t, Run("prestart", []specs.Hook{{Path: c.path}}, nil, Options{Dir: c.dir}))
			if !errors.Is(e, c.errno) || !strings.Contains(e.Error(), c.text) {
				t.Errorf("got %s, want %s", e, c.text)
			}
			if name == "missing" && (!errors.Is(e, fs.ErrNotExist) || e.Hint != "") {
				t.Errorf("got %#v", e)
			}
		})
	}
}

func TestOnlyTheEndOfTheOutputIsKept(t *testing.T) {
	e := failure(t, Run("prestart",
		[]specs.Hook{sh(`head -c 200000 /dev/zero | tr '\0' x; echo; echo the cause; exit 1`)}, nil, Options{}))
	if got := e.Error(); !strings.HasSuffix(got, "xxx | the cause, stderr: ") || len(got) > keepBytes+200 {
		t.Errorf("%d bytes, ending in %q", len(got), got[max(0, len(got)-40):])
	}
}

// TestContainedOutputIsBounded has a hook that writes more than may be kept, and one that leaves a process with its
// streams.
func TestContainedOutputIsBounded(t *testing.T) {
	copied, err := os.Create(filepath.Join(t.TempDir(), "copied"))
	if err != nil {
		t.Fatal(err)
	}
	defer copied.Close()
	o := Options{Contained: true, Copies: &Copies{Stdout: int(copied.Fd()), Stderr: -1}}
	e := failure(t, Run("startContainer",
		[]specs.Hook{sh(`head -c 3000000 /dev/zero | tr '\0' x; echo the cause >&2; exit 1`)}, nil, o))
	if got := e.Error(); !strings.HasSuffix(got, "xxx, stderr: the cause") || len(got) > keepBytes+200 {
		t.Errorf("%d bytes, ending in %q", len(got), got[max(0, len(got)-40):])
	}
	if st, err := copied.Stat(); err != nil || st.Size() != copyBytes {
		t.Errorf("%d bytes are copied: %v", st.Size(), err)
	}
	begin := time.Now()
	if err := Run("startContainer", []specs.Hook{sh(`sleep 3 & exit 0`)}, nil, o); err != nil ||
		time.Since(begin) > 2*time.Second {
		t.Errorf("%v, after %s", err, time.Since(begin))
	}
}

func TestOutputIsCopied(t *testing.T) {
	var files [2]*os.File
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), "copied"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	for _, contained := range [...]bool{false, true} {
		o := Options{Contained: contained, Copies: &Copies{int(files[0].Fd()), int(files[1].Fd())}}
		if err := Run("prestart", []specs.Hook{sh("echo out; echo err >&2"), sh("echo more")}, nil, o); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := read(t, files[0].Name()), read(t, files[1].Name()); out != "out\nmore\nout\nmore\n" ||
		err != "err\nerr\n" {
		t.Errorf("copied %q and %q", out, err)
	}
}

func TestInterrupted(t *testing.T) {
	calls := 0
	o := Options{Interrupted: func() bool { calls++; return calls > 2 }}
	begin := time.Now()
	e := failure(t, Run("poststart", []specs.Hook{sh("exec sleep 20"), sh("exec sleep 20")}, nil, o))
	if !strings.Contains(e.Error(), "poststart hook #0: killed, since rt got a signal to end") ||
		time.Since(begin) > 10*time.Second {
		t.Errorf("%v, after %s", e, time.Since(begin))
	}
}

func TestStart(t *testing.T) {
	var argv0 string
	var argv []string
	o := Options{Start: func(a0 string, av, env []string, files []uintptr) (int, error) {
		argv0, argv = a0, av
		return syscall.ForkExec("/bin/sh", []string{"sh", "-c", "cat; exit 7"},
			&syscall.ProcAttr{Env: env, Files: files})
	}}
	e := failure(t, Run("startContainer", []specs.Hook{{Path: "/inside", Args: []string{"x", "y"}}},
		[]byte("the state"), o))
	if want := "exit status 7, stdout: the state, stderr: "; !strings.Contains(e.Error(), want) {
		t.Errorf("%q is missing in %s", want, e)
	}
	if argv0 != "/inside" || len(argv) != 2 || argv[1] != "y" {
		t.Errorf("Start got %q %q", argv0, argv)
	}
	o.Start = func(string, []string, []string, []uintptr) (int, error) {
		return 0, &diag.Error{Problem: "no such namespace", Call: "setns", Errno: unix.EINVAL}
	}
	e = failure(t, Run("startContainer", []specs.Hook{{Path: "/inside"}}, nil, o))
	if want := `hooks.startContainer[0] "/inside": error running startContainer hook #0: no such namespace: ` +
		`setns(2): ` +
		`invalid argument (EINVAL)`; e.Error() != want {
		t.Errorf("got %s, want %s", e, want)
	}
}

func TestNoDescriptorIsLeftOpen(t *testing.T) {
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	list := []specs.Hook{sh("exit 0"), sh("exit 1"), {Path: "/nonesuch"}, sh("ls -l /proc/self/fd >&2; exit 1")}
	_ = Run("poststop", list, make([]byte, 1<<20), Options{All: true})
	before := count()
	err := Run("poststop", list, make([]byte, 1<<20), Options{All: true})
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	// ls itself has descriptor 3 open; more would be rt's.
	if said := failure(t, err).Error(); strings.Contains(said, " 4 ->") {
		t.Errorf("the hook has rt's descriptors: %s", said)
	}
}

func BenchmarkRunTrue(b *testing.B) {
	list := []specs.Hook{{Path: "/bin/true"}}
	for b.Loop() {
		if err := Run("prestart", list, []byte("{}"), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
