package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	stagekit "rt/tests/internal/stage"
	"rt/tests/silentfs"
)

// stage is what an attack has: a bundle, a victim on the host, and a runtime.
type stage struct {
	t       *testing.T
	way     *way // nil: with the defence
	env     []string
	dir     string // its own directory
	bundle  string
	rootfs  string
	victim  string // a directory of the host's: "file" says "intact", "folder" is empty
	state   string // --root
	id      string
	sub     []*exec.Cmd
	ids     []string
	boot    string // edits of what the boot process executes, of which rt does not know
	bare    bool   // the second binary is used with the defence, too: something of it has to be hostile, or slow
	options []string
	user    func(*exec.Cmd) // makes a command one of an ordinary user
	Config  config
	counter int
	logged  int
}

// config is config.json, decoded.
type config map[string]any

// newStage makes the bundle: busybox and the default config without a terminal, writable.
func newStage(t *testing.T, w *way) *stage {
	t.Helper()
	dir, err := os.MkdirTemp(base, "stage")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	s := &stage{
		t: t, way: w, dir: dir, bundle: dir + "/bundle", rootfs: dir + "/bundle/rootfs",
		victim: dir + "/victim", state: dir + "/state",
	}
	s.id = "attack-" + strconv.Itoa(os.Getpid()) + "-" + filepath.Base(dir)
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp", "root"} {
		must(t, os.MkdirAll(s.rootfs+"/"+d, 0o755))
	}
	must(t, os.MkdirAll(s.victim+"/folder", 0o755))
	must(t, os.WriteFile(s.victim+"/file", []byte("intact\n"), 0o644))
	must(t, os.Link(busybox, s.rootfs+"/bin/busybox"))
	for _, name := range []string{
		"sh", "true", "cat", "sleep", "ls", "id", "chmod", "stat", "mount", "umount", "grep", "readlink", "touch",
		"echo", "env",
		"mkdir", "mknod", "unshare", "nsenter", "kill", "ps", "seq",
	} {
		must(t, os.Symlink("busybox", s.rootfs+"/bin/"+name))
	}
	must(t, json.Unmarshal(defaultConfig, &s.Config))
	s.Config.at("process")["terminal"] = false
	s.Config.at("root")["readonly"] = false
	t.Cleanup(s.strike)
	return s
}

// strike removes all that the attack has left: what a success leaves, too.
func (s *stage) strike() {
	for _, cmd := range s.sub {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for _, id := range s.ids {
		if out, err := s.command(context.Background(), plainRT, "--root", s.state, "delete", "--force",
			id).CombinedOutput(); err != nil && s.way == nil {
			s.t.Logf("delete --force: %s", out)
		}
	}
	text, _ := os.ReadFile("/proc/self/mountinfo")
	lines := strings.Split(string(text), "\n")
	for _, line := range slices.Backward(lines) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], s.dir+"/") {
			_ = unix.Unmount(f[4], unix.MNT_DETACH)
			if s.way == nil {
				s.t.Errorf("left behind: the mount %s", f[4])
			}
		}
	}
	_ = os.RemoveAll(s.dir)
}

// at returns the object at a path of keys, which it makes if it is not there.
func (c config) at(keys ...string) map[string]any {
	return stagekit.At(c, keys...)
}

// add appends to the list at the end of a path of keys.
func (c config) add(value any, keys ...string) {
	stagekit.Add(c, value, keys...)
}

// mount adds a mount.
func (c config) mount(destination, kind, source string, options ...string) {
	c.add(map[string]any{"destination": destination, "type": kind, "source": source, "options": options}, "mounts")
}

// unmount takes the mounts away whose destination begins with prefix.
func (c config) unmount(prefix string) {
	var rest []any
	for _, m := range c["mounts"].([]any) {
		if !strings.HasPrefix(m.(map[string]any)["destination"].(string), prefix) {
			rest = append(rest, m)
		}
	}
	c["mounts"] = rest
}

// args makes args the program of the container.
func (c config) args(args ...string) { c.at("process")["args"] = args }

// path is a path of the image on the host.
func (s *stage) path(name string) string { return filepath.Join(s.rootfs, name) }

// link puts a symbolic link into the image, instead of whatever is there.
func (s *stage) link(target, name string) {
	must(s.t, os.RemoveAll(s.path(name)))
	must(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	must(s.t, os.Symlink(target, s.path(name)))
}

// file puts a file into the image.
func (s *stage) file(name, text string, mode os.FileMode) {
	must(s.t, os.RemoveAll(s.path(name)))
	must(s.t, os.MkdirAll(filepath.Dir(s.path(name)), 0o755))
	must(s.t, os.WriteFile(s.path(name), []byte(text), 0o644))
	must(s.t, os.Chmod(s.path(name), mode))
}

// save writes config.json.
func (s *stage) save() {
	text, err := json.Marshal(s.Config)
	must(s.t, err)
	must(s.t, os.WriteFile(s.bundle+"/config.json", text, 0o644))
}

// run runs the container of the bundle with args as its program, in the foreground.
func (s *stage) run(args ...string) (output string, status int) {
	if len(args) > 0 {
		s.Config.args(args...)
	}
	s.save()
	return s.rt("run", "--bundle", s.bundle, s.newID())
}

// newID is the id of the next container of this stage; s.id is the last one.
func (s *stage) newID() string {
	s.counter++
	base, _, _ := strings.Cut(s.id, ".")
	s.id = base + "." + strconv.Itoa(s.counter)
	s.ids = append(s.ids, s.id)
	return s.id
}

// up creates and starts the container with args as its program, and returns its pid; 0 if it came to nothing.
func (s *stage) up(args ...string) int {
	s.Config.args(args...)
	s.save()
	if out, status := s.rt("create", "--bundle", s.bundle, s.newID()); status != 0 {
		s.t.Logf("create: %s", out)
		return 0
	}
	if out, status := s.rt("start", s.id); status != 0 {
		s.t.Logf("start: %s", out)
		return 0
	}
	return s.pid()
}

// pid is that of the container's first process.
func (s *stage) pid() int {
	out, _ := s.rt("state", s.id)
	var state struct{ Pid int }
	_ = json.Unmarshal([]byte(out), &state)
	return state.Pid
}

// patience is how long a command of rt may take: RT_SECONDS, or twenty seconds, and more on a busy machine.
func patience() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("RT_SECONDS") + "s"); err == nil {
		return d
	}
	load := 0.0
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		_, _ = fmt.Sscan(string(text), &load)
	}
	return time.Duration(20 * (1 + load/float64(10*runtime.NumCPU())) * float64(time.Second))
}

// rt runs the runtime under attack. A runtime that hangs is ended after its time, with status -1.
func (s *stage) rt(args ...string) (output string, status int) { return s.rtWith(nil, args...) }

// rtWith is rt, with a last change to the command.
func (s *stage) rtWith(change func(*exec.Cmd), args ...string) (output string, status int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	binary := plainRT
	if s.way != nil || s.boot != "" || s.bare {
		binary = bareRT
	}
	cmd := s.command(ctx, binary, append(append([]string{"--root", s.state}, s.options...), args...)...)
	cmd.Env = append(append(os.Environ(), s.env...), s.way.environment(s, args[0])...)
	if s.boot != "" {
		cmd.Env = append(cmd.Env, "RT_ATTACK_BOOT="+s.boot)
	}
	// A file: what is left running in the container must not keep us waiting.
	out, err := os.CreateTemp(s.dir, "out")
	must(s.t, err)
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if s.user != nil {
		s.user(cmd)
	}
	if change != nil {
		change(cmd)
	}
	err = cmd.Run()
	text, _ := os.ReadFile(out.Name())
	if s.logged++; len(text) < 1000 && err != nil && s.logged < 5 {
		s.t.Logf("rt %s: %v: %s", args[0], err, text)
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return string(text), -1
	case errors.As(err, &exit):
		status = exit.ExitCode()
		if ended := exit.Sys().(syscall.WaitStatus); ended.Signaled() {
			status = 128 + int(ended.Signal())
		}
		if status == 99 || strings.Contains(string(text), "attack: no step matches") {
			s.t.Fatalf("the defence is not where the edit looks for it: %s", text)
		}
		return string(text), status
	}
	must(s.t, err)
	return string(text), 0
}

func (s *stage) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	return cmd
}

// background runs a program of the attacker's until the end of the attack.
func (s *stage) background(name string, args ...string) *exec.Cmd {
	cmd := s.command(context.Background(), name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(s.t, cmd.Start())
	s.sub = append(s.sub, cmd)
	return cmd
}

// harmed says what is no longer as it was in the victim's directory, "" if nothing is.
func (s *stage) harmed() string {
	text, err := os.ReadFile(s.victim + "/file")
	if err != nil || string(text) != "intact\n" {
		return "the victim's file says " + strconv.Quote(string(text))
	}
	if st, err := os.Stat(s.victim + "/file"); err != nil || st.Mode() != 0o644 {
		return "the victim's file has another mode"
	}
	var names []string
	_ = filepath.WalkDir(s.victim, func(path string, _ os.DirEntry, _ error) error {
		names = append(names, strings.TrimPrefix(path, s.victim))
		return nil
	})
	if got := strings.Join(names, " "); got != " /file /folder" {
		return "the victim's directory holds" + got
	}
	return ""
}

// mountSilent mounts files that never answer an open(2) at target, in the mount namespace of pid; 0 is that of the
// test.
func (s *stage) mountSilent(pid int, target string) *silentfs.Files {
	s.t.Helper()
	return s.mountFUSE(&silentfs.Files{}, pid, target)
}

func (s *stage) mountFUSE(f *silentfs.Files, pid int, target string) *silentfs.Files {
	s.t.Helper()
	err := f.Mount(pid, target)
	if errors.Is(err, silentfs.ErrNoFUSE) {
		s.t.Skip(err)
	}
	must(s.t, err)
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
