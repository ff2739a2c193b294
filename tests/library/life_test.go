package library

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer"
)

func TestRun(t *testing.T) {
	rt := newRuntime(t)
	out, said := output(t)
	in, err := os.Open(filepath.Join(bundle(t, "", nil), "config.json"))
	must(t, err)
	defer in.Close()
	var o libcontainer.RunOptions
	o.Bundle, o.Stdin, o.Stdout = bundle(t, "cat; cat <&3; exit 3", nil), in, out
	reader, writer, err := os.Pipe()
	must(t, err)
	_, _ = io.WriteString(writer, "extra")
	_ = writer.Close()
	o.ExtraFiles = []*os.File{reader}
	result, err := rt.Run(t.Context(), newID(), &o)
	_ = reader.Close()
	if text := said(); err != nil || result.Status != 3 || !strings.HasPrefix(text, "{") ||
		!strings.HasSuffix(text, "extra") {
		t.Errorf("%+v, %v, and the container says %q", result, err, text)
	}
	isEmpty(t, rt.Root)
}

func TestLife(t *testing.T) {
	ctx, rt, id := t.Context(), newRuntime(t), newID()
	created, err := rt.Create(ctx, id, &libcontainer.CreateOptions{Bundle: bundle(t, "sleep 60", nil)})
	must(t, err)
	defer func() { _, _ = rt.Delete(context.Background(), id, true) }()
	if unix.Kill(created.Pid, 0) != nil {
		t.Errorf("create: %+v", created)
	}
	_, err = rt.Start(ctx, id)
	must(t, err)
	out, said := output(t)
	o := libcontainer.ExecOptions{Stdout: out}
	o.Args = []string{"sh", "-c", "cat /proc/1/cmdline; exit 4"}
	result, err := rt.Exec(ctx, id, &o)
	if err != nil || result.Status != 4 || !strings.HasPrefix(said(), "sleep\x0060") {
		t.Errorf("exec: %+v, %v, %q", result, err, said())
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := rt.Wait(short, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait for a container that runs: %v", err)
	}
	must(t, rt.Kill(id, unix.SIGKILL, false))
	if result, err := rt.Wait(ctx, id); err != nil || result.Status != 128+int(unix.SIGKILL) {
		t.Errorf("wait: %+v, %v", result, err)
	}
	_, err = rt.Delete(ctx, id, false)
	must(t, err)
	isEmpty(t, rt.Root)
}

// Whoever makes a container is the parent of its process, and no zombie is left when it is deleted.
func TestDeleteReaps(t *testing.T) {
	rt, id := newRuntime(t), newID()
	created, err := rt.Create(t.Context(), id, &libcontainer.CreateOptions{Bundle: bundle(t, "true", nil)})
	must(t, err)
	_, err = rt.Delete(t.Context(), id, false)
	must(t, err)
	if err := unix.Kill(created.Pid, 0); err != unix.ESRCH {
		t.Errorf("the process of a deleted container: %v", err)
	}
}

func TestSeveralAtOnce(t *testing.T) {
	rt, dir := newRuntime(t), bundle(t, "read line; echo $line; exit 7", nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			id := newID()
			out, said := output(t)
			in, feed, err := os.Pipe()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(feed, id+"\n")
			_ = feed.Close()
			defer in.Close()
			var o libcontainer.RunOptions
			o.Bundle, o.Stdin, o.Stdout = dir, in, out
			if result, err := rt.Run(t.Context(), id, &o); err != nil || result.Status != 7 || said() != id+"\n" {
				t.Errorf("%s: %+v, %v, %q", id, result, err, said())
			}
		})
	}
	all.Wait()
	isEmpty(t, rt.Root)
}

// A cancelled call undoes what it has done.
func TestCancelCreate(t *testing.T) {
	rt := newRuntime(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	began := filepath.Join(t.TempDir(), "began")
	dir := bundle(t, "true", func(config object) {
		config["hooks"] = object{"createRuntime": []object{{"path": "/bin/sh", "args": []string{
			"sh", "-c",
			"echo >" + began + "; exec sleep 60",
		}}}}
	})
	mine := errors.New("changed my mind")
	go func() {
		for range 1000 {
			if _, err := os.Stat(began); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel(mine)
	}()
	begin := time.Now()
	_, err := rt.Create(ctx, newID(), &libcontainer.CreateOptions{Bundle: dir})
	if !errors.Is(err, mine) || time.Since(begin) > 20*time.Second {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
	isEmpty(t, rt.Root)
}

func TestCancelRun(t *testing.T) {
	rt := newRuntime(t)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	result, err := rt.Run(ctx, newID(), &libcontainer.RunOptions{
		CreateOptions: libcontainer.CreateOptions{Bundle: bundle(t, "exec sleep 60", nil)},
	})
	if !errors.Is(err, context.DeadlineExceeded) || result.Status != 128+int(unix.SIGKILL) {
		t.Errorf("%+v, %v", result, err)
	}
	isEmpty(t, rt.Root)
}

func TestError(t *testing.T) {
	rt := newRuntime(t)
	dir := bundle(t, "", func(config object) { config["process"].(object)["args"] = []string{"nosuchprogram"} })
	var o libcontainer.RunOptions
	o.Bundle = dir
	_, err := rt.Run(t.Context(), newID(), &o)
	e, ok := errors.AsType[*libcontainer.Error](err)
	if !ok || e.Field != "process.args[0]" || e.Value != "nosuchprogram" || e.Step == 0 || e.Call == "" ||
		e.Errno != unix.ENOENT || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%+v", err)
	}
	_, err = rt.Start(t.Context(), "nosuchcontainer")
	if e, ok := errors.AsType[*libcontainer.Error](err); !ok || e.Kind != libcontainer.Absent {
		t.Errorf("%+v", err)
	}
	isEmpty(t, rt.Root)
}

// A stream that is not given is a null device, and not one that root in the container can change for the host.
func TestNullDevice(t *testing.T) {
	out, said := output(t)
	var o libcontainer.RunOptions
	// 666 is its mode already: without the defence this succeeds and does no harm.
	o.Bundle, o.Stdout = bundle(t, "cat; chmod 666 /proc/self/fd/0 2>&1", nil), out
	result, err := newRuntime(t).Run(t.Context(), newID(), &o)
	if err != nil || result.Status == 0 || !strings.Contains(said(), "Read-only file system") {
		t.Errorf("%+v, %v, %q", result, err, said())
	}
}

// The program of README.md is that of the directory hello, and it works.
func TestReadme(t *testing.T) {
	source, err := os.ReadFile("hello/main.go")
	must(t, err)
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	_, program, _ := strings.Cut(string(source), "func main() {\n")
	var indented strings.Builder
	for line := range strings.Lines("func main() {\n" + program) {
		indented.WriteString("    " + strings.ReplaceAll(line, "\t", "    "))
	}
	if !strings.Contains(string(readme), indented.String()) {
		t.Errorf("README.md does not have\n%s", indented.String())
	}
	dir := bundle(t, "echo hello; exit 5", nil)
	file := filepath.Join(t.TempDir(), "hello")
	if out, err := exec.Command("go", "build", "-o", file, "./hello").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(file, dir)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+t.TempDir())
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 5 || string(out) != "hello\n" {
		t.Errorf("status %d, %q", cmd.ProcessState.ExitCode(), out)
	}
}
