package state

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// LockByForce locks a container that is to be deleted in any case. The process that holds the lock gets a moment to
// finish. Then it gets SIGTERM, on which a create undoes what it has done. Then it is killed: it may hang in a hook or
// be stopped.
func (c *Container) LockByForce() error {
	attempts := [...]struct {
		before unix.Signal
		limit  time.Duration
	}{{0, lockWait / 10}, {unix.SIGTERM, lockWait / 5}, {unix.SIGKILL, lockWait}}
	var waited time.Duration
	for _, m := range attempts {
		if m.before != 0 {
			c.signalHolder(m.before)
		}
		if ok, err := c.lockWithin(m.limit); err != nil || ok {
			return err
		}
		waited += m.limit
	}
	return c.inUse(waited)
}

// signalHolder sends a signal to the process that holds the lock. Only rt opens the directory, which no other user can
// access; a process of another pid namespace is not found. The pid is looked up again after pidfd_open(2): before that
// the pid may have been reused.
func (c *Container) signalHolder(sig unix.Signal) {
	pid := c.holderPid()
	if pid <= 0 {
		return
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(pidfd) }()
	if c.holderPid() == pid {
		_ = unix.PidfdSendSignal(pidfd, sig, nil, 0)
	}
}

// holderPid returns the pid of the process that holds the lock, found by device and inode; 0 if it is unknown.
func (c *Container) holderPid() int {
	var st unix.Stat_t
	if unix.Fstat(c.fd, &st) != nil {
		return 0
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(string(locks)) {
		// "1: FLOCK ADVISORY WRITE 4711 00:1b:1234 0 EOF"; "1: -> FLOCK ..." waits for it (proc_locks(5))
		f := strings.Fields(line)
		if len(f) >= 6 && f[1] == "FLOCK" && f[3] == "WRITE" && f[5] == file {
			pid, _ := strconv.Atoi(f[4])
			return pid
		}
	}
	return 0
}

// Ending reports whether a process is about to end: SIGKILL is pending, or it is exiting.
func Ending(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return true // it has ended
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		if name == "SigPnd" || name == "ShdPnd" {
			if set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64); err == nil &&
				set&(1<<(unix.SIGKILL-1)) != 0 {
				return true
			}
		}
	}
	const flags, exiting = 9, 0x4 // PF_EXITING of the kernel
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(f) <= flags-3 {
		return false
	}
	value, err := strconv.ParseUint(f[flags-3], 10, 64)
	return err == nil && value&exiting != 0
}
