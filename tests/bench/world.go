package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

// Each cgroup mode is measured by a copy of bench in a mount namespace of its own, so that nothing of it is seen
// outside: there /sys/fs/cgroup is what the mode says, and the state directories are on a tmpfs, as /run is on most
// machines.

const (
	innerEnv = "RT_BENCH_INNER" // set: this process is such a copy; options on stdin, what it measured on stdout

	cgroupRoot       = "/sys/fs/cgroup"
	cgroup2Magic     = 0x63677270 // CGROUP2_SUPER_MAGIC, statfs(2)
	prSetChildReaper = 36         // PR_SET_CHILD_SUBREAPER, prctl(2)
)

// modes are the cgroup modes to measure. A machine on cgroup v2 alone has no v1; one on v1 can show v2 as well, though
// its cgroup2 may have no controllers: they are bound to the v1 hierarchies.
func modes(only string) []string {
	have := []string{"v1", "v2"}
	if onCgroup2() {
		have = []string{"v2"}
	}
	return slices.DeleteFunc(have, func(m string) bool { return only != "" && m != only })
}

func onCgroup2() bool {
	var fs syscall.Statfs_t
	return syscall.Statfs(cgroupRoot, &fs) == nil && fs.Type == cgroup2Magic
}

// measureIn starts a bench for one cgroup mode and collects what it found. Its messages go to standard error.
func measureIn(mode string, o options, dir string) (*measured, error) {
	o.Mode = mode
	in, err := json.Marshal(struct {
		Options options
		Dir     string
	}{o, dir})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	stdin, stdout := filepath.Join(dir, "options-"+mode), filepath.Join(dir, "measured-"+mode)
	if err := os.WriteFile(stdin, in, 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(stdout, nil, 0o600); err != nil {
		return nil, err
	}
	if err := startInner(self, stdin, stdout); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(stdout)
	if err != nil {
		return nil, err
	}
	m := new(measured)
	return m, json.Unmarshal(text, m)
}

func startInner(self, stdin, stdout string) error {
	in, err := os.Open(stdin)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(stdout, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	p, err := os.StartProcess(self, []string{self}, &os.ProcAttr{
		Env:   append(os.Environ(), innerEnv+"=1"),
		Files: []*os.File{in, out, os.Stderr},
		// Dying with its parent keeps an interrupted bench from happening alone.
		Sys: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM},
	})
	if err != nil {
		return err
	}
	state, err := p.Wait()
	if err == nil && !state.Success() {
		err = fmt.Errorf("bench in its own mount namespace: %s", state)
	}
	return err
}

// inner is the main of a bench that measures one mode.
func inner(in io.Reader, out io.Writer) error {
	// Between two rounds nothing of ours may run, and the processes it starts must not wait for a thread.
	debug.SetGCPercent(-1)
	runtime.LockOSThread()

	var job struct {
		Options options
		Dir     string
	}
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	if err := enterMode(job.Options.Mode); err != nil {
		return err
	}
	// The containers' processes outlive `create`: as their reaper bench can wait for their end without asking the
	// runtime.
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildReaper, 1, 0); errno != 0 {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", errno)
	}
	b, err := newBench(job.Options, job.Dir)
	if err != nil {
		return err
	}
	b.measure()
	b.sweep()
	return json.NewEncoder(out).Encode(b.found)
}

// enterMode makes the mount namespace private and /sys/fs/cgroup what the mode wants.
func enterMode(mode string) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make / private: %w", err)
	}
	if mode == "v1" {
		return hideControllers()
	}
	if onCgroup2() {
		return nil
	}
	if err := syscall.Unmount(cgroupRoot, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the v1 hierarchies: %w", err)
	}
	if err := syscall.Mount("none", cgroupRoot, "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mount cgroup2: %w", err)
	}
	return nil
}

// hideControllers makes the cgroup2 next to the v1 hierarchies look as it does on most such machines: without
// controllers. crun refuses a mix of both.
func hideControllers() error {
	const file = cgroupRoot + "/unified/cgroup.controllers"
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) || len(text) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if err := syscall.Mount(os.DevNull, file, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("cover %s: %w", file, err)
	}
	return nil
}

// hierarchies are the mounted cgroup hierarchies that the floor makes a cgroup in: all of v1, or the one of v2. The
// cgroup2 next to v1 limits nothing there, so a container need not have a cgroup in it.
func hierarchies(mode string) ([]string, error) {
	if mode == "v2" {
		return []string{cgroupRoot}, nil
	}
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup" && filepath.Dir(f[1]) == cgroupRoot {
			found = append(found, f[1])
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no cgroup v1 hierarchy is mounted below %s", cgroupRoot)
	}
	return found, nil
}

// sweep removes cgroups that a runtime left, and says so: the next bench must start from nothing.
func (b *bench) sweep() {
	for _, pattern := range []string{cgroupRoot + cgroupPrefix + "*", cgroupRoot + "/*" + cgroupPrefix + "*"} {
		left, _ := filepath.Glob(pattern) // the pattern is well-formed, the only error Glob knows
		for _, dir := range left {
			b.note("left behind: %s", dir)
			if err := syscall.Rmdir(dir); err != nil {
				b.note("rmdir %s: %v", dir, err)
			}
		}
	}
}
