package cgroup

import (
	"os"
	"slices"
	"time"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// signaller signals all processes of the cgroup.
type signaller struct{ *cgroupSet }

// Pids lists the processes in the cgroup and all cgroups below it. A cgroup that is gone has none.
func (g *cgroupSet) Pids() ([]int, error) {
	dir := g.processesDir()
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

// processesDir returns the directory that lists the container's processes. On v1 a process may leave some hierarchies
// if its cgroup is mounted writable; it can't leave freezer, or devices, which is never delegated. systemd moves
// processes in the hierarchies that it manages; freezer is none of them.
func (g *cgroupSet) processesDir() string {
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
func (g signaller) Kill(sig unix.Signal) error {
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
	paused, _ := freezer{g.cgroupSet}.Frozen()
	held := paused
	if !held {
		// The processes of a cgroup that can't be frozen (no freezer, or a process that does not stop) are signalled in
		// rounds.
		held = freezer{g.cgroupSet}.tryToFreeze() == nil
	}
	err := g.send(sig, held)
	if held && (!paused || sig == unix.SIGKILL) {
		if thaw := (freezer{g.cgroupSet}).Thaw(); err == nil && !g.isRemoved() {
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
func (g signaller) ThawKilled() {
	if g.mode == host.CgroupV2 {
		return
	}
	if dir := g.dir("freezer"); dir != "" {
		_ = thawTree(dir)
	}
}

// send signals all processes. If they are not frozen, it repeats until it finds only processes that it has already
// signalled.
func (g signaller) send(sig unix.Signal, held bool) error {
	seen := map[int]bool{os.Getpid(): true} // rt may be in the cgroup itself
	var failed error
	for range 100 {
		pids, err := g.Pids()
		if err != nil {
			return err
		}
		pids = slices.DeleteFunc(pids, func(pid int) bool { return seen[pid] })
		for batch := range slices.Chunk(pids, maxPidfds) {
			sent, err := signalMembers(batch, g.Pids, sig)
			if err != nil {
				failed = diag.Sys("the container's processes can't be signalled", "pidfd_send_signal", err)
			}
			for _, pid := range sent {
				seen[pid] = true
			}
		}
		if held || len(pids) == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	return failed
}

// maxPidfds is how many processes are signalled at a time: each takes a descriptor.
const maxPidfds = 64

// signalMembers signals those of pids that are among members still, and returns them. A process may have ended since
// pids were read, and its pid be another's: a container can hold rt up by thousands of cgroups, and cycle through the
// pids meanwhile. So members are read again when there is a pidfd of each: a pid that is among them is a member's, and
// the pidfd is that member's or of a process that has ended.
func signalMembers(pids []int, members func() ([]int, error), sig unix.Signal) (sent []int, failed error) {
	pidfds := make([]int, len(pids))
	for i, pid := range pids {
		pidfds[i] = -1
		if pid > 0 { // 0 is a process of an outer pid namespace
			if fd, err := unix.PidfdOpen(pid, 0); err == nil {
				pidfds[i] = fd
			} else if err != unix.ESRCH {
				failed = err
			}
		}
	}
	defer func() { sys.CloseAll(pidfds...) }()
	now, err := members()
	if err != nil {
		return nil, err
	}
	slices.Sort(now)
	for i, pid := range pids {
		if _, member := slices.BinarySearch(now, pid); !member || pidfds[i] < 0 {
			continue
		}
		sent = append(sent, pid)
		if err := unix.PidfdSendSignal(pidfds[i], sig, nil, 0); err != nil && err != unix.ESRCH {
			failed = err
		}
	}
	return sent, failed
}

// isRemoved reports whether the cgroup has been removed.
func (g *cgroupSet) isRemoved() bool {
	return len(g.hierarchies) == 0 || unix.Access(g.processesDir(), unix.F_OK) == unix.ENOENT
}
