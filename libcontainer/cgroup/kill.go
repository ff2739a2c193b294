package cgroup

import (
	"os"
	"time"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// Pids lists the processes in the cgroup and all cgroups below it. A cgroup that is gone has none.
func (g *Group) Pids() ([]int, error) {
	dir := g.members()
	if dir == "" {
		return nil, nil
	}
	pids, err := processesAt(dir)
	switch {
	case err == nil:
		return pids, nil
	case isGone(err):
		return nil, nil
	}
	return nil, diag.Sys("the processes in the cgroup "+dir+" can't be listed", "read", err)
}

// members returns the directory that lists the container's processes. On v1 a process may leave some hierarchies if its
// cgroup is mounted writable; it can't leave freezer, or devices, which is never delegated. systemd moves processes in
// the hierarchies that it manages; freezer is none of them.
func (g *Group) members() string {
	for _, c := range []string{"freezer", "devices", "pids", "memory"} {
		if dir := g.dir(c); dir != "" {
			return dir
		}
	}
	if len(g.hierarchies) > 0 {
		return g.hierarchies[0].dir
	}
	return ""
}

// Kill sends a signal to every process in the cgroup and its descendants. It succeeds if there is none.
//
// SIGKILL is sent through cgroup.kill where it exists (v2, Linux 5.14), which also kills processes that are forked
// meanwhile. Elsewhere the cgroup is frozen while its processes are signalled, for the same reason. A paused container
// stays paused, except after SIGKILL: on v1 frozen processes don't die.
func (g *Group) Kill(sig unix.Signal) error {
	if len(g.hierarchies) == 0 {
		return nil
	}
	// Not if the cgroup outlives the container: a process cloned into a cgroup in which cgroup.kill was ever used is
	// killed at once (seen on Linux 6.18), and so would be every later container in it.
	if g.mode == host.CgroupV2 && sig == unix.SIGKILL && !g.hierarchies[0].preexisting {
		switch err := writeFile(g.hierarchies[0].dir, "cgroup.kill", "1"); err {
		case nil:
			return nil
		case unix.ENOENT, unix.ENODEV, unix.EOPNOTSUPP:
			// An older kernel, a removed cgroup, or a threaded one.
		default:
			return diag.Sys(g.hierarchies[0].dir+"/cgroup.kill can't be written", "write", err)
		}
	}
	paused, _ := g.Frozen()
	held := paused
	if !held {
		// The processes of a cgroup that can't be frozen (no freezer, or a process that does not stop) are signalled in
		// rounds.
		held = g.Freeze() == nil
	}
	err := g.signal(sig, held)
	if held && (!paused || sig == unix.SIGKILL) {
		if thaw := g.Thaw(); err == nil && !g.isRemoved() {
			err = thaw
		}
	}
	if sig == unix.SIGKILL {
		g.ThawKilled()
	}
	return err
}

// ThawKilled thaws processes that were sent SIGKILL: on v1 frozen processes don't die, whether rt has frozen them or
// the container has, in a descendant of its cgroup. An error shows when rt waits for their end.
func (g *Group) ThawKilled() {
	if g.mode == host.CgroupV2 {
		return
	}
	if dir := g.dir("freezer"); dir != "" {
		_ = thawTree(dir)
	}
}

// signal signals all processes. If they are not frozen, it repeats until it finds only processes that it has already
// signalled.
func (g *Group) signal(sig unix.Signal, held bool) error {
	seen := map[int]bool{os.Getpid(): true} // rt may be in the cgroup itself
	var failed error
	for range 100 {
		pids, err := g.Pids()
		if err != nil {
			return err
		}
		fresh := false
		for _, pid := range pids {
			if pid <= 0 || seen[pid] {
				continue // 0 is a process of an outer pid namespace, and kill(0) would signal rt's own process group
			}
			seen[pid], fresh = true, true
			if err := unix.Kill(pid, sig); err != nil && err != unix.ESRCH {
				failed = diag.Sys("the container's processes can't be signalled", "kill", err)
			}
		}
		if held || !fresh {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return failed
}

// isRemoved reports whether the cgroup has been removed.
func (g *Group) isRemoved() bool {
	return len(g.hierarchies) == 0 || unix.Access(g.members(), unix.F_OK) == unix.ENOENT
}
