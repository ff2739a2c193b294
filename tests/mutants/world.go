package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/internal/stage"
)

// world is a small machine for one container: namespaces of its own, where what a spoiled plan does to the host is
// seen, and done to nobody else. It ends with the process that has made it, which is its PID 1.
type world struct {
	*scenario
	base   string // the programs
	dir    string // a tmpfs: everything else
	bundle string
	id     string
	mutant string // RT_MUTANT of the command under test

	mounts     map[string]bool // those of the beginning
	namespaces []string        // its own
	pod        int             // a process whose namespaces are joined
	facts      []string
}

// begin makes the world, in a process that has new namespaces.
func begin(s *scenario, base, id, mutant string) (*world, error) {
	dir := base + "/stage"
	w := &world{scenario: s, base: base, dir: dir, bundle: dir + "/bundle", id: id, mutant: mutant}
	for _, step := range []func() error{w.mountAll, w.ownDev, w.image, w.victim, w.config} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	// As systemd makes it: here rt has to be most careful.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return nil, err
	}
	w.mounts, w.namespaces = mountTable(), namespacesNow()
	return w, unix.Sethostname([]byte("world"))
}

// mountAll mounts what shows the new namespaces, and the stage.
func (w *world) mountAll() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	if err := unix.Mount("stage", w.dir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount the stage: %w", err)
	}
	return os.Chown(w.dir, w.user, w.user)
}

// ownDev mounts a /dev whose nodes may be damaged.
func (w *world) ownDev() error {
	if err := stage.MountDev(); err != nil {
		return err
	}
	return os.Symlink("pts/ptmx", "/dev/ptmx")
}

// rootfs is a path of the image.
func (w *world) rootfs(path string) string { return filepath.Join(w.bundle, "rootfs", path) }

// image makes the root file system: busybox, the probe, and what the scenario adds.
func (w *world) image() error {
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp", "root", "data"} {
		if err := os.MkdirAll(w.rootfs(d), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"busybox", "probe"} {
		if err := copyFile(w.base+"/"+name, w.rootfs("bin/"+name), 0o755); err != nil {
			return err
		}
	}
	for _, name := range []string{"sh", "cat", "grep", "sed", "tr", "sleep", "ls", "env", "readlink"} {
		if err := os.Symlink("busybox", w.rootfs("bin/"+name)); err != nil {
			return err
		}
	}
	for name, text := range map[string]string{
		"secret": "secret\n", "etc/hosts": "\n",
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:7:8:user:/tmp:/bin/sh\n",
	} {
		if err := os.WriteFile(w.rootfs(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if w.prepare != nil {
		if err := w.prepare(w); err != nil {
			return err
		}
	}
	return w.own()
}

// own gives the image, and the bundle, to the user of the scenario.
func (w *world) own() error {
	return filepath.WalkDir(w.bundle, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == w.rootfs("closed") {
			return os.Lchown(path, 5, w.owner+8)
		}
		return os.Lchown(path, w.owner, w.owner)
	})
}

// victim makes a directory of the host's for which nobody asks, and two sources of binds: one with all flags, and one
// with none. The machine's own flags of /sys are none of the scenarios'.
func (w *world) victim() error {
	if err := os.MkdirAll(w.dir+"/victim/folder", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(w.dir+"/victim/file", []byte("intact\n"), 0o644); err != nil {
		return err
	}
	const all = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOSYMFOLLOW
	for name, flags := range map[string]uintptr{"plain": 0, "source": all} {
		if err := source(w.dir+"/"+name, flags); err != nil {
			return err
		}
	}
	return unix.Mount("", "/sys", "", unix.MS_REMOUNT|unix.MS_BIND, "")
}

// source makes a file system with flags, two files, and a mount below it.
func source(dir string, flags uintptr) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("source", dir, "tmpfs", 0, "size=64k,mode=755"); err != nil {
		return err
	}
	if err := os.Mkdir(dir+"/below", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("below", dir+"/below", "tmpfs", 0, "size=64k"); err != nil {
		return err
	}
	for _, name := range []string{"in", "file"} {
		if err := os.WriteFile(dir+"/"+name, []byte("data\n"), 0o666); err != nil {
			return err
		}
	}
	return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|flags, "")
}

// config writes config.json.
func (w *world) config() error {
	text, err := os.ReadFile(w.base + "/" + cmp.Or(w.begins, "default") + ".json")
	if err != nil {
		return err
	}
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	c.at("process")["terminal"] = false
	c.at("process")["args"] = []string{"/bin/sh", "-c", look}
	c.at("root")["path"] = "rootfs"
	c.at("linux")["cgroupsPath"] = "/" + w.id
	if w.change != nil {
		w.change(w, c)
	}
	return w.save(c, "config.json")
}

// look is what the program of a container does: see probe.
const look = "grep -E '^Sig(Ign|Blk)' /proc/self/status; cat /proc/self/limits; exec /bin/probe"

func (w *world) save(c config, name string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(w.bundle+"/"+name, text, 0o644)
}

// config is config.json, decoded.
type config map[string]any

// at returns the object at a path of keys, which it makes if it is not there.
func (c config) at(keys ...string) map[string]any {
	return stage.At(c, keys...)
}

// mount adds a mount.
func (c config) mount(destination, kind, source string, options ...string) {
	list, _ := c["mounts"].([]any)
	c["mounts"] = append(list, map[string]any{
		"destination": destination, "type": kind, "source": source,
		"options": options,
	})
}

// bind adds two binds with options, of both sources.
func (c config) bind(w *world, destination string, options ...string) {
	c.mount(destination, "", w.dir+"/plain", options...)
	c.mount(destination+"-2", "", w.dir+"/source", options...)
}

// command is rt with arguments, as the scenario's user.
func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.base+"/rt", append([]string{"--root", w.dir + "/state"}, args...)...)
	cmd.Dir = w.bundle
	path := w.base + "/criu:/usr/sbin:/usr/bin:/sbin:/bin"
	cmd.Env = []string{"PATH=" + path, "HOME=/", "XDG_RUNTIME_DIR=" + w.dir + "/run"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if w.user != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(w.user), Gid: uint32(w.user)}
	}
	return cmd
}

// try runs the command under test: with the mutant, if there is one.
func (w *world) try(args ...string) bool {
	cmd := w.command(args...)
	w.spoil(cmd)
	return w.carryOut(cmd, args[0])
}

// spoil makes a command that under test.
func (w *world) spoil(cmd *exec.Cmd) {
	if file, trace := strings.CutPrefix(w.mutant, "trace "); trace {
		cmd.Args = slices.Insert(cmd.Args, 4, "--trace", file) // behind rt --root DIR COMMAND
	} else if w.mutant != "" {
		cmd.Env = append(cmd.Env, "RT_MUTANT="+w.mutant)
	}
	if w.caller != nil {
		w.caller(cmd)
	}
}

// rt runs another command.
func (w *world) rt(args ...string) bool { return w.carryOut(w.command(args...), args[0]) }

// patience is how long a command may take. A plan that has lost a step often waits forever.
var patience = 4 * time.Second

// carryOut runs a command, and adds what comes of it to the facts.
func (w *world) carryOut(cmd *exec.Cmd, name string) bool {
	out, err := os.CreateTemp(w.base, "out")
	if err != nil {
		w.add("rig: " + err.Error())
		return false
	}
	defer os.Remove(out.Name())
	defer out.Close()
	errs, err := os.CreateTemp(w.base, "errs")
	if err != nil {
		w.add("rig: " + err.Error())
		return false
	}
	defer os.Remove(errs.Name())
	defer errs.Close()
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = errs
	}
	status := w.finish(cmd)
	text, _ := os.ReadFile(out.Name())
	said, _ := os.ReadFile(errs.Name())
	w.add("rt " + name + ": " + status)
	w.addLines("rt "+name+" says: ", string(said))
	if w.tells(name) {
		w.addLines("inside: ", string(text))
	}
	return status == "status 0"
}

// tells reports whether a command's output is that of the container.
func (w *world) tells(name string) bool { return name == "run" || name == "exec" }

// finish starts a command and waits for it.
func (w *world) finish(cmd *exec.Cmd) string {
	if err := cmd.Start(); err != nil {
		return err.Error()
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !late.Stop() {
		return "it hangs"
	}
	if err != nil && cmd.ProcessState == nil {
		return err.Error()
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return fmt.Sprintf("status %d", code)
	}
	return cmd.ProcessState.String()
}

func (w *world) add(fact string) { w.facts = append(w.facts, w.plain(fact)) }

func (w *world) addLines(prefix, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			w.add(prefix + line)
		}
	}
}

func copyFile(from, to string, mode os.FileMode) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, mode)
}
