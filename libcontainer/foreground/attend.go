package foreground

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
)

// Attend waits for the end of a container's process, a child of this process. It returns the exit status: 128 plus the
// number of the signal if a signal killed the process. Meanwhile it forwards the signals of this process, after
// CatchSignals, and relays the terminal to streams. master is that of the terminal, which Attend closes; -1 for none.
// With orphans it also waits for the other processes that this process has inherited as a subreaper.
func Attend(pid, master int, streams [3]int, orphans bool) (status int, err error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		if master >= 0 {
			_ = unix.Close(master)
		}
		return 0, diag.Sys("a pidfd of the container's process can't be opened", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	PassSignals(pidfd)
	defer KeepSignals()
	if master < 0 {
		ended, err := process.Reap(pid, orphans)
		return process.ExitStatus(ended), err
	}
	var ended unix.WaitStatus
	var failed error
	// The process is waited for before its output is written out: until then the init of its pid namespace can't end.
	err = Relay(master, pidfd, streams, func() bool {
		ended, failed = process.Reap(pid, orphans)
		return ended.Signaled()
	})
	if err == nil {
		err = failed
	}
	return process.ExitStatus(ended), err
}

// Interrupted returns an error if this process got a signal that ends it, after CatchEnd or CatchSignals, and nil
// otherwise.
func Interrupted() error {
	if TakeEnd() {
		return &diag.Error{Kind: diag.Host, Problem: "rt got a signal to end before it was done"}
	}
	return nil
}
