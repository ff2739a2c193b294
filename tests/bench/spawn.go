package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// contender is one program that is measured.
type contender struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Version string `json:"version"`
}

const (
	floorName   = "floor"
	goFloorName = "go+floor"
)

// isFloor tells the floors, which know two configs only and no other command, from runtimes.
func isFloor(name string) bool { return name == floorName || name == goFloorName }

// sample is the cost of one process and of all descendants that were waited for.
type sample struct {
	wall, cpu time.Duration
}

func (s sample) plus(t sample) sample { return sample{s.wall + t.wall, s.cpu + t.cpu} }

// bench measures in one cgroup mode.
type bench struct {
	options
	dir         string // this mode's bundles
	state       string // a tmpfs: the runtimes' --root directories and pid files
	rootfs      string
	hierarchies []string
	log         *os.File // standard error of everything that is measured
	stdio       syscall.ProcAttr
	found       *measured
}

func newBench(o options, dir string) (*bench, error) {
	b := &bench{
		options: o, dir: filepath.Join(dir, o.Mode), state: filepath.Join(dir, o.Mode, "state"),
		rootfs: filepath.Join(dir, o.Mode, "rootfs"), found: &measured{Mode: o.Mode},
	}
	var err error
	if b.hierarchies, err = hierarchies(o.Mode); err != nil {
		return nil, err
	}
	if err := makeRootfs(b.rootfs); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(b.state, 0o700); err != nil {
		return nil, err
	}
	if err := syscall.Mount("tmpfs", b.state, "tmpfs", 0, "mode=700"); err != nil {
		return nil, fmt.Errorf("mount a tmpfs for the state: %w", err)
	}
	if b.log, err = os.CreateTemp(b.state, "stderr"); err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	b.stdio = syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{null.Fd(), null.Fd(), b.log.Fd()}}
	return b, nil
}

// spawn runs one program and times it from before its spawn until it is reaped.
func (b *bench) spawn(argv []string) (sample, error) {
	var status syscall.WaitStatus
	var usage syscall.Rusage
	begin := time.Now()
	pid, err := syscall.ForkExec(argv[0], argv, &b.stdio)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", argv[0], err)
	}
	err = wait(pid, &status, &usage)
	s := sample{wall: time.Since(begin), cpu: time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
	if err != nil {
		return s, err
	}
	if !status.Exited() || status.ExitStatus() != 0 {
		return s, b.failure(status)
	}
	return s, nil
}

func wait(pid int, status *syscall.WaitStatus, usage *syscall.Rusage) error {
	for {
		_, err := syscall.Wait4(pid, status, 0, usage)
		if err != syscall.EINTR {
			return err
		}
	}
}

// failure is an error with the last line that the program wrote.
func (b *bench) failure(status syscall.WaitStatus) error {
	text := []byte{}
	if _, err := b.log.Seek(0, io.SeekStart); err == nil {
		text, _ = io.ReadAll(b.log) // what can't be read is missing from the message, the status is there
	}
	text = bytes.TrimSpace(text)
	text = text[bytes.LastIndexByte(text, '\n')+1:]
	if status.Signaled() {
		return fmt.Errorf("%s: %s", status.Signal(), text)
	}
	return fmt.Errorf("exit status %d: %s", status.ExitStatus(), text)
}

// command is the argument list of a runtime's command; the runtimes agree on it (runc(8)).
func (b *bench) command(c contender, args ...string) []string {
	return append([]string{c.Path, "--root", filepath.Join(b.state, c.Name)}, args...)
}

// runCommand is the argument list that runs a program in a new container, and the floor's for the same.
func (b *bench) runCommand(c contender, config string, program ...string) ([]string, error) {
	if isFloor(c.Name) {
		filter := "-"
		if config == "docker" {
			filter = b.Tools.Filter
		}
		argv := []string{b.Tools.Floor, b.Mode, config, b.rootfs, cgroupPrefix + c.Name, filter}
		if c.Name == goFloorName {
			argv = slices.Insert(argv, 0, c.Path)
		}
		return slices.Concat(argv, b.hierarchies, []string{"--"}, program), nil
	}
	id := containerID(c, 0)
	dir, err := b.bundle(id, config, program...)
	return b.command(c, "run", "--bundle", dir, id), err
}

func containerID(c contender, n int) string {
	return cgroupPrefix[1:] + c.Name + "-" + strconv.Itoa(n)
}

// bundle makes a bundle for one container, with a cgroup of the container's name.
func (b *bench) bundle(id, config string, args ...string) (string, error) {
	u := bundle{config: defaultConfig, args: args, cgroup: "/" + id}
	switch config {
	case "docker":
		u.config = dockerConfig
	case "limits":
		u.limits = limits
	}
	return b.bundleOf(id, config, u)
}

// bundleOf writes a bundle for one container into a directory that has the name of its config too.
func (b *bench) bundleOf(id, config string, u bundle) (string, error) {
	dir := filepath.Join(b.dir, id+"-"+config)
	return dir, u.write(dir, b.rootfs, b.Mode)
}

// create runs `create` and finds the pid of the container.
func (b *bench) create(c contender, id, bundle string) (pid int, s sample, err error) {
	file := filepath.Join(b.state, id+".pid")
	if s, err = b.spawn(b.command(c, "create", "--bundle", bundle, "--pid-file", file, id)); err != nil {
		return 0, s, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, s, err
	}
	pid, err = strconv.Atoi(string(bytes.TrimSpace(text)))
	return pid, s, err
}

// remove ends a container and deletes it. The process is killed and reaped first: some runtimes poll for its end in
// steps of 100 ms, and hundreds of containers may have to go.
func (b *bench) remove(c contender, id string, pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %d: %w", pid, err)
	}
	if err := wait(pid, nil, nil); err != nil {
		return fmt.Errorf("wait for %d: %w", pid, err)
	}
	_, err := b.spawn(b.command(c, "delete", "--force", id))
	return err
}

func (b *bench) note(format string, args ...any) {
	b.found.Notes = append(b.found.Notes, fmt.Sprintf(format, args...))
}
