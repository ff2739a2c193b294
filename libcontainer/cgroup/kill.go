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

// members is the directory that tells who is in the container. On v1 a process may leave some hierarchies if its cgroup is mounted
// writable; it can't leave freezer, or devices, which is never given away. systemd moves processes about in the hierarchies that it uses itself, and freezer
// is none of these.
func (g *Group) members() string {
	for _, c := range []string{"freezer", "devices", "pids", "memory"} {
		if dir := g.dir(c); dir != "" {
			return dir
		}
	}
	if len(g.places) > 0 {
		return g.places[0].dir
	}
	return ""
}

// Kill sends a signal to every process in the cgroup and below it. None being there is success.
//
// SIGKILL goes through cgroup.kill where there is one (v2, Linux 5.14), which catches processes that fork meanwhile. Elsewhere the cgroup
// is frozen while its processes are signalled, for the same reason. A paused container stays paused, but not after SIGKILL:
// on v1 the frozen don't die.
func (g *Group) Kill(sig unix.Signal) error {
	if len(g.places) == 0 {
		return nil
	}
	// Not where the cgroup is to outlive the container: a process that is born in a cgroup in which cgroup.kill was once used is killed at once, as if it had been there
	// (seen on Linux 6.18), and every later container in it would be.
	if g.mode == host.CgroupV2 && sig == unix.SIGKILL && !g.places[0].kept {
		switch err := writeFile(g.places[0].dir, "cgroup.kill", "1"); err {
		case nil:
			return nil
		case unix.ENOENT, unix.ENODEV, unix.EOPNOTSUPP:
			// An older kernel, a cgroup that is gone, or one that is threaded.
		default:
			return diag.Sys(g.places[0].dir+"/cgroup.kill can't be written", "write", err)
		}
	}
	paused, _ := g.Frozen()
	held := paused
	if !held {
		// A cgroup that can't be frozen (no freezer, or a process that does not stop) is signalled all the same, in rounds.
		held = g.Freeze() == nil
	}
	err := g.signal(sig, held)
	if held && (!paused || sig == unix.SIGKILL) {
		if thaw := g.Thaw(); err == nil && !g.gone() {
			err = thaw
		}
	}
	if sig == unix.SIGKILL {
		g.LetDie()
	}
	return err
}

// LetDie lets processes die that were sent SIGKILL: on v1 those that are frozen don't, whether rt has frozen them or they themselves, in a cgroup below the
// container's. That it can't is seen when they are waited for.
func (g *Group) LetDie() {
	if g.mode == host.CgroupV2 {
		return
	}
	if dir := g.dir("freezer"); dir != "" {
		_ = thawTree(dir)
	}
}

// signal signals all processes. If they are not held, it goes on until it meets only those that it has signalled already.
func (g *Group) signal(sig unix.Signal, held bool) error {
	seen := map[int]bool{os.Getpid(): true} // rt may stand in the cgroup itself, if someone put it there
	var failed error
	for range 100 {
		pids, err := g.Pids()
		if err != nil {
			return err
		}
		fresh := false
		for _, pid := range pids {
			if pid <= 0 || seen[pid] {
				continue // 0 is a process of an outer pid namespace: not ours to signal, and kill(0) is rt's own group
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

// gone reports whether the cgroup has been removed.
func (g *Group) gone() bool {
	return len(g.places) == 0 || unix.Access(g.members(), unix.F_OK) == unix.ENOENT
}
