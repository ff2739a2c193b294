package cgroup

import (
	"strings"
	"time"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// freezer suspends and resumes all processes of the cgroup.
type freezer struct{ *cgroupSet }

// freezeLimit bounds how long Freeze waits for the processes of a cgroup.
const freezeLimit = 10 * time.Second

// Freeze freezes every process in the cgroup, and returns when all of them have stopped, or with an error after
// freezeLimit, or when none is left.
func (g freezer) Freeze() error {
	err := g.tryToFreeze()
	if err == nil || g.mode == host.CgroupV2 || g.dir("freezer") == "" {
		return err
	}
	return g.freezeSlowly(err)
}

// tryToFreeze freezes the processes: on v1 if they stop within half a second, where the library thaws them 20 times
// meanwhile.
func (g freezer) tryToFreeze() error {
	if g.mode == host.CgroupV2 && len(g.hierarchies) > 0 {
		return freezeV2(g.hierarchies[0].dir, freezeLimit)
	}
	return g.setState(cgroups.Frozen, "frozen")
}

// freezeV2 freezes the processes of a v2 cgroup. The kernel does not report a cgroup as frozen whose last process ends
// while it is frozen, so the library waits for its deadline if a container is paused and killed at once.
func freezeV2(dir string, limit time.Duration) (err error) {
	const problem = "the container can't be frozen"
	if err := writeFile(dir, "cgroup.freeze", "1"); err != nil {
		return diag.Sys(problem, "", err)
	}
	defer func() {
		if err != nil {
			_ = writeFile(dir, "cgroup.freeze", "0") // it must not stay partly frozen
		}
	}()
	fd, err := unix.Open(dir+"/cgroup.events", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return diag.Sys(problem, "open", err)
	}
	defer func() { _ = unix.Close(fd) }()
	for end := time.Now().Add(limit); ; {
		events, err := readAll(fd)
		switch {
		case err != nil:
			return diag.Sys(problem, "read", err)
		case strings.Contains(events, "populated 0"):
			return &diag.Error{Kind: diag.State, Problem: "container not running: its processes have ended meanwhile"}
		case strings.Contains(events, "frozen 1"):
			return nil
		}
		left := time.Until(end)
		if left <= 0 {
			return &diag.Error{
				Problem: problem + ": a process has not stopped within " + limit.String(),
				Hint:    "it may wait for a file system that does not answer: see /proc/PID/stack",
			}
		}
		// The kernel marks the file as modified when one of its lines changes.
		modified := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		if _, err := unix.Poll(modified, int(left/time.Millisecond)+1); err != nil && err != unix.EINTR {
			return diag.Sys(problem, "poll", err)
		}
		if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
			return diag.Sys(problem, "lseek", err)
		}
	}
}

// freezeSlowly freezes processes of a v1 cgroup that tryToFreeze could not, and otherwise returns its error. A process
// stops when it runs the next time: on a busy host, or with a small CPU quota, that may take a second.
func (g freezer) freezeSlowly(failed error) error {
	dir, state := g.dir("freezer"), ""
	for end := time.Now().Add(freezeLimit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		// Again each time: the kernel does not stop processes that were forked since.
		err := writeFile(dir, "freezer.state", string(cgroups.Frozen))
		if err == nil {
			state, err = readFile(dir, "freezer.state")
		}
		if err != nil {
			return diag.Sys("the freezer of "+dir+" can't be used", "", err)
		}
		if strings.TrimSpace(state) == string(cgroups.Frozen) {
			return nil
		}
	}
	_ = writeFile(dir, "freezer.state", string(cgroups.Thawed)) // it must not stay partly frozen
	return failed
}

// Thaw resumes the processes.
func (g freezer) Thaw() error { return g.setState(cgroups.Thawed, "thawed") }

// setState changes the state of the freezer.
func (g freezer) setState(state cgroups.FreezerState, word string) error {
	m, err := g.fileManager()
	if err != nil {
		return err
	}
	if g.mode != host.CgroupV2 && g.dir("freezer") == "" {
		return &diag.Error{
			Kind: diag.Host, Problem: "the container can't be " + word +
				`: it is in no hierarchy of controller "freezer"`,
			Hint: hierarchyHint("freezer", g.rootless),
		}
	}
	if err := m.Freeze(state); err != nil {
		e := diag.Sys("the container can't be "+word, "", cause(err))
		if e.Err != nil {
			e.Err = err
		}
		if state == cgroups.Frozen {
			// The cgroup must not stay partly frozen.
			_ = m.Freeze(cgroups.Thawed)
		}
		return e
	}
	return nil
}

// Frozen reports whether the cgroup itself is frozen, not one above it. A container without a cgroup is not.
func (g freezer) Frozen() (bool, error) {
	for i := range g.hierarchies {
		if frozen, err := frozenAt(g.hierarchies[i].list, g.hierarchies[i].dir); err != nil || frozen {
			return frozen, err
		}
	}
	return false, nil
}

// Frozen reports whether the cgroup that was saved is frozen. It asks for nothing else, since `rt list` calls it for
// every container.
func (s Saved) Frozen() (bool, error) {
	var failed error
	for list, dir := range s.Paths {
		if !isBelowRoot(dir) {
			continue
		}
		frozen, err := frozenAt(list, dir)
		if frozen {
			return true, nil
		}
		if err != nil {
			failed = err
		}
	}
	return false, failed
}

// frozenAt reports whether the cgroup of one hierarchy, which has this list of controllers, was told to freeze. Whether
// all its processes have stopped does not matter: one that waits for a server that never answers does not stop, and the
// library's FreezerGroup.GetState would wait for it. A cgroup without a freezer, or one that is removed, is not frozen.
func frozenAt(list, dir string) (bool, error) {
	var name string
	switch list {
	case "": // cgroup2
		name = "/cgroup.freeze"
	case "freezer":
		name = "/freezer.self_freezing"
	default:
		return false, nil
	}
	var text [8]byte
	n := 0
	fd, err := unix.Open(dir+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		n, err = sys.Read(fd, text[:])
		_ = unix.Close(fd)
	}
	switch err {
	case nil:
		return string(text[:n]) == "1\n", nil
	case unix.ENOENT, unix.ENODEV:
		return false, nil
	}
	return false, diag.Sys("the freezer of "+dir+" can't be read", "read", err)
}

// Freezer returns the directory of the container's freezer, for programs that use it themselves; "" if there is none.
func (g freezer) Freezer() string { return g.dir("freezer") }
