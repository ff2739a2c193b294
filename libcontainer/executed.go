package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/supervise"
)

// executed tells a boot process that became the user's program from one that died without a word, killed by a signal:
// both close the control channel. A process that lives has executed. A dead one, as long as nobody has waited for it,
// still has the name that execve(2) would have changed.
func executed(s *supervise.Session, pid int, starved func() error) error {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG|unix.WALL, nil)
	if err == nil && info.Signo == 0 {
		return nil // our child, and alive
	}
	name, dead := process.Name(pid)
	if !dead || name != plan.BootName {
		return nil
	}
	if err != nil {
		// Created by another rt, and so not our child: only its parent can tell what it died of. But its cgroup tells
		// whether it was memory.
		if err := starved(); err != nil {
			return err
		}
		return &diag.Error{
			Kind: diag.Kernel, Field: "process.args[0]", Problem: "the boot process was killed before it could execute the program",
			Hint: "the seccomp profile may kill a call that is made after it is loaded, or the memory limit be too low",
		}
	}
	status, err := s.Status()
	if err != nil {
		return nil //nolint:nilerror // someone else was faster; then it is not for us to tell
	}
	return deathOf(status, starved)
}
