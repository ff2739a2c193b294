package library

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	c, err := rt.Create(ctx, id, &libcontainer.CreateOptions{Bundle: bundle(t, "sleep 60", nil)})
	must(t, err)
	defer func() { _, _ = c.ForceDelete(context.Background()) }()
	if c.ID != id || unix.Kill(c.Created.Pid, 0) != nil {
		t.Errorf("create: %+v", c)
	}
	status(t, c, libcontainer.Created)
	_, err = c.Start(ctx)
	must(t, err)
	out, said := output(t)
	o := libcontainer.ExecOptions{Stdout: out}
	o.Args = []string{"sh", "-c", "cat /proc/1/cmdline; exit 4"}
	result, err := c.Exec(ctx, &o)
	if err != nil || result.Status != 4 || !strings.HasPrefix(said(), "sleep\x0060") {
		t.Errorf("exec: %+v, %v, %q", result, err, said())
	}
	same := rt.Container(id) // another handle of it
	list, _, err := rt.List(ctx)
	if err != nil || len(list) != 1 || list[0].ID != id || list[0].Pid != c.Created.Pid {
		t.Errorf("list: %+v, %v", list, err)
	}
	pids, err := same.Processes(ctx)
	if err != nil || !slices.Contains(pids, c.Created.Pid) {
		t.Errorf("processes: %v, %v", pids, err)
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("wait for a container that runs: %v", err)
	}
	if err := same.Pause(ctx); err == nil { // without a cgroup there is no freezer
		status(t, c, libcontainer.Paused)
		must(t, same.Resume(ctx))
	}
	status(t, c, libcontainer.Running)
	must(t, c.Kill(ctx, unix.SIGKILL))
	if result, err := c.Wait(ctx); err != nil || result.Status != 128+int(unix.SIGKILL) {
		t.Errorf("wait: %+v, %v", result, err)
	}
	status(t, c, libcontainer.Stopped)
	_, err = c.Delete(ctx)
	must(t, err)
	isEmpty(t, rt.Root)
}

// status checks the status of a container.
func status(t *testing.T, c *libcontainer.Container, want libcontainer.Status) {
	t.Helper()
	if s, err := c.State(t.Context()); err != nil || s.Status != want {
		t.Errorf("%+v, %v, want %s", s, err, want)
	}
}

// A call whose context is cancelled already does nothing, whatever it would do.
func TestCancelledBefore(t *testing.T) {
	rt, id := newRuntime(t), newID()
	c, err := rt.Create(t.Context(), id, &libcontainer.CreateOptions{Bundle: bundle(t, "sleep 60", nil)})
	must(t, err)
	defer func() { _, _ = c.ForceDelete(context.Background()) }()
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := errors.New("changed my mind")
	cancel(mine)
	for name, call := range map[string]func() error{
		"create": func() error {
			_, err := rt.Create(ctx, newID(), &libcontainer.CreateOptions{Bundle: bundle(t, "true", nil)})
			return err
		},
		"run":         func() error { _, err := rt.Run(ctx, newID(), &libcontainer.RunOptions{}); return err },
		"list":        func() error { _, _, err := rt.List(ctx); return err },
		"ids":         func() error { _, _, err := rt.IDs(ctx); return err },
		"plan":        func() error { _, _, err := rt.Plan(ctx, ".", &libcontainer.CreateOptions{}, true); return err },
		"start":       func() error { _, err := c.Start(ctx); return err },
		"exec":        func() error { _, err := c.Exec(ctx, &libcontainer.ExecOptions{}); return err },
		"kill":        func() error { return c.Kill(ctx, unix.SIGKILL) },
		"kill all":    func() error { return c.KillAll(ctx, unix.SIGKILL) },
		"pause":       func() error { return c.Pause(ctx) },
		"resume":      func() error { return c.Resume(ctx) },
		"update":      func() error { return c.Update(ctx, &libcontainer.UpdateOptions{}) },
		"state":       func() error { _, err := c.State(ctx); return err },
		"stats":       func() error { _, _, err := c.Stats(ctx); return err },
		"usage":       func() error { _, err := c.Usage(ctx); return err },
		"processes":   func() error { _, err := c.Processes(ctx); return err },
		"anatomy":     func() error { _, err := c.Anatomy(ctx); return err },
		"wait":        func() error { _, err := c.Wait(ctx); return err },
		"checkpoint":  func() error { _, err := c.Checkpoint(ctx, &libcontainer.CheckpointOptions{}); return err },
		"delete":      func() error { _, err := c.Delete(ctx); return err },
		"forceDelete": func() error { _, err := c.ForceDelete(ctx); return err },
	} {
		if err := call(); !errors.Is(err, mine) {
			t.Errorf("%s: %v", name, err)
		}
	}
	status(t, c, libcontainer.Created)
}

// A call that waits for another one to release the container stops waiting.
func TestCancelWhileInUse(t *testing.T) {
	rt, id := newRuntime(t), newID()
	c, err := rt.Create(t.Context(), id, &libcontainer.CreateOptions{Bundle: bundle(t, "true", nil)})
	must(t, err)
	defer func() { _, _ = c.ForceDelete(context.Background()) }()
	dir, err := os.Open(filepath.Join(rt.Root, id))
	must(t, err)
	must(t, unix.Flock(int(dir.Fd()), unix.LOCK_EX))
	defer dir.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := c.Start(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > time.Minute {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
}

// Whoever makes a container is the parent of its process, and no zombie is left when it is deleted.
func TestDeleteReaps(t *testing.T) {
	rt := newRuntime(t)
	c, err := rt.Create(t.Context(), newID(), &libcontainer.CreateOptions{Bundle: bundle(t, "true", nil)})
	must(t, err)
	_, err = c.Delete(t.Context())
	must(t, err)
	if err := unix.Kill(c.Created.Pid, 0); err != unix.ESRCH {
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
			"echo >" + began + "; exec sleep 600",
		}}}}
	})
	mine := errors.New("changed my mind")
	go func() {
		for range 6000 {
			if _, err := os.Stat(began); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		cancel(mine)
	}()
	begin := time.Now()
	_, err := rt.Create(ctx, newID(), &libcontainer.CreateOptions{Bundle: dir})
	if !errors.Is(err, mine) || time.Since(begin) > 2*time.Minute {
		t.Errorf("after %s: %v", time.Since(begin), err)
	}
	isEmpty(t, rt.Root)
}

func TestCancelRun(t *testing.T) {
	rt := newRuntime(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	go func() {
		_, _ = r.Read(make([]byte, 1)) // the program runs
		cancel()
	}()
	result, err := rt.Run(ctx, newID(), &libcontainer.RunOptions{
		CreateOptions: libcontainer.CreateOptions{Bundle: bundle(t, "echo; exec sleep 600", nil), Stdout: w},
	})
	_ = w.Close()
	if !errors.Is(err, context.Canceled) || result.Status != 128+int(unix.SIGKILL) {
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
	_, err = rt.Container("nosuchcontainer").Start(t.Context())
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
