package library

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"rt/libcontainer"
)

// look is what a program of the container finds out about what it has inherited. The shell itself opens nothing.
const look = `env; cd .; pwd; umask; grep -E 'SigBlk|SigIgn' /proc/$$/status; ls /proc/$$/fd`

// traces are what the caller has of its own, as look shows it, by what it is.
var traces = map[string]*regexp.Regexp{
	"environment":       regexp.MustCompile(`RT_TEST_SECRET=secret`),
	"working directory": regexp.MustCompile(`(?m)^/proc/sys/kernel$`),
	"umask":             regexp.MustCompile(`(?m)^0005$`),
	"ignored signal":    regexp.MustCompile(`SigIgn:\t[0-9a-f]{13}[2367abef]`), // SIGUSR1
	"blocked signal":    regexp.MustCompile(`SigBlk:\t[0-9a-f]{13}[89a-f]`),    // SIGUSR2
	"descriptor":        regexp.MustCompile(`(?m)^77$`),
}

// caller is a program that uses the library and has something of each kind to inherit. It runs look in a container, or,
// for comparison, as an ordinary child, and then says how it has changed itself.
func caller() {
	fail := func(what string, err error) {
		if err != nil {
			fmt.Println("caller:", what, err)
			os.Exit(1)
		}
	}
	runtime.LockOSThread() // which blocks a signal
	fail("setenv", os.Setenv("RT_TEST_SECRET", "secret"))
	fail("chdir", os.Chdir("/proc/sys/kernel"))
	unix.Umask(0o005)
	signal.Ignore(unix.SIGUSR1)
	set := uint64(1) << (unix.SIGUSR2 - 1)
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_BLOCK, uintptr(unsafe.Pointer(&set)), 0, 8, 0, 0)
	fail("dup3", unix.Dup3(0, 77, 0)) // without close-on-exec
	before := self()
	var err error
	if os.Getenv("RT_TEST_CALLER") == "child" {
		var pid int
		pid, err = start("/bin/busybox", []string{"sh", "-c", look})
		if err == nil {
			_, err = unix.Wait4(pid, nil, 0, nil)
		}
	} else {
		rt := libcontainer.Runtime{Root: os.Getenv("RT_TEST_ROOT"), Command: os.Getenv("RT_TEST_COMMAND") != ""}
		var o libcontainer.RunOptions
		o.Bundle, o.Stdout, o.Stderr = os.Getenv("RT_TEST_CALLER"), os.Stdout, os.Stderr
		_, err = rt.Run(context.Background(), newID(), &o)
	}
	fail("run", err)
	if after := self(); after != before {
		fmt.Printf("caller: changed from\n%s\nto\n%s\n", before, after)
	}
	fmt.Println("caller: done")
}

// start starts a program as a library without defences would: fork and exec.
func start(file string, argv []string) (int, error) {
	process, err := os.StartProcess(file, argv, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		return 0, err
	}
	return process.Pid, nil
}

// self describes what of this process a library might change.
func self() string {
	var b strings.Builder
	dir, _ := os.Getwd()
	umask := unix.Umask(0)
	unix.Umask(umask)
	var subreaper int32
	_ = unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0)
	flags, _ := unix.FcntlInt(77, unix.F_GETFD, 0)
	status, _ := os.ReadFile("/proc/thread-self/status")
	fmt.Fprintln(&b, dir, umask, subreaper, flags, os.Environ())
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "Sig") && !strings.HasPrefix(line, "SigQ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// call runs this binary as the caller.
func call(t *testing.T, what string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "RT_TEST_CALLER=" + what, "RT_TEST_ROOT=" + t.TempDir() + "/state",
		"RT_TEST_COMMAND=" + os.Getenv("RT_TEST_COMMAND"),
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || !strings.HasSuffix(out.String(), "caller: done\n") {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String()
}

// TestNothingIsInherited looks for the traces of a caller in its container, and for those of rt in the caller. That it
// would find them is shown with an ordinary child of the same caller, which has them all, and with a call that may
// change the caller.
func TestNothingIsInherited(t *testing.T) {
	// A hook is a host's program that rt starts, and leaves its own trace of what it has.
	hook := t.TempDir() + "/hook"
	dir := bundle(t, look, func(config object) {
		config["hooks"] = object{"createRuntime": []object{{"path": "/bin/busybox", "args": []string{
			"sh", "-c",
			"{ " + look + "; } >" + hook + " 2>&1",
		}}}}
	})
	child, container := call(t, "child"), call(t, dir)
	text, err := os.ReadFile(hook)
	must(t, err)
	for what, trace := range traces {
		if !trace.MatchString(child) {
			t.Errorf("%s: the check is of no use, since a child does not have it: %q in\n%s", what, trace, child)
		}
		if trace.MatchString(container) {
			t.Errorf("%s: the container has %q:\n%s", what, trace, container)
		}
		if trace.Match(text) && what != "umask" {
			t.Errorf("%s: a hook has %q:\n%s", what, trace, text)
		}
	}
	if strings.Contains(container, "changed") {
		t.Error(container)
	}
	t.Setenv("RT_TEST_COMMAND", "1")
	if command := call(t, dir); !strings.Contains(command, "changed") {
		t.Errorf("the check is of no use, since it does not see what Command changes:\n%s", command)
	}
	if lines := strings.Count(container, "\n"); lines < 8 {
		t.Errorf("look has said only\n%s", container)
	}
}
