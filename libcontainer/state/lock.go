package state

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// lockWait is how long a command waits for another one to release the container. Commands take milliseconds, unless a
// hook of create hangs; then an error is better than hanging too. A variable, so that a test need not wait as long.
var lockWait = 10 * time.Second

// Lock locks the directory. The lock belongs to the open file description: it is released when the container is closed
// or this process ends, however it ends. No child inherits it, since the descriptor is close-on-exec.
func (c *Container) Lock() error {
	ok, err := c.lockWithin(lockWait)
	if err == nil && !ok {
		err = c.inUse(lockWait)
	}
	return err
}

// inUse returns the error for a lock that another process has not released in time.
func (c *Container) inUse(waited time.Duration) error {
	return &diag.Error{
		Kind: diag.State,
		Problem: `container "` + c.ID + `" is in use by ` + c.describeHolder() + ": waited " + waited.String() +
			" for it",
	}
}

// lockWithin takes the lock, and waits for it at most for limit; false if another process still holds it then.
func (c *Container) lockWithin(limit time.Duration) (bool, error) {
	if c.locked {
		return true, nil
	}
	// flock(2) could wait itself, but not for a limited time without a signal or a second thread.
	deadline := time.Now().Add(limit)
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 10*time.Millisecond) {
		switch err := unix.Flock(c.fd, unix.LOCK_EX|unix.LOCK_NB); err {
		case nil:
			c.locked = true
			return true, nil
		case unix.EWOULDBLOCK, unix.EINTR:
		default:
			return false, diag.Sys(c.Path("")+" can't be locked", "flock", err)
		}
		if time.Now().After(deadline) {
			return false, nil
		}
		if c.root.Cancelled != nil {
			if err := c.root.Cancelled(); err != nil {
				return false, err
			}
		}
		time.Sleep(pause)
	}
}

// Unlock releases the lock; the directory stays open.
func (c *Container) Unlock() {
	if c.locked {
		_ = unix.Flock(c.fd, unix.LOCK_UN)
		c.locked = false
	}
}

// busy reports whether another process holds the lock. It tries a shared lock, so that two processes that ask don't see
// each other.
func (c *Container) busy() bool {
	err := unix.Flock(c.fd, unix.LOCK_SH|unix.LOCK_NB)
	if err == nil {
		_ = unix.Flock(c.fd, unix.LOCK_UN)
	}
	return err == unix.EWOULDBLOCK
}

// describeHolder describes the process that holds the lock, for an error: "process 4711 (rt create web1)".
func (c *Container) describeHolder() string {
	pid := c.holderPid()
	if pid <= 0 { // of another pid namespace
		return "another process"
	}
	cmdline, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	args := strings.TrimSpace(string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
	return "process " + strconv.Itoa(pid) + " (" + args + ")"
}

// holderPid returns the pid of the process that holds the lock; 0 if that is not known.
func (c *Container) holderPid() int {
	var st unix.Stat_t
	if unix.Fstat(c.fd, &st) != nil {
		return 0
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	return lockOwner(string(locks), &st)
}

// lockOwner returns the pid of the exclusive flock(2) on the file of st, in the text of /proc/locks (proc_locks(5)):
// "1: FLOCK ADVISORY WRITE 4711 00:1b:1234 0 EOF", with the device and the inode. A line "1: -> FLOCK ..." is of a
// process that waits for the lock.
func lockOwner(locks string, st *unix.Stat_t) int {
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for line := range strings.Lines(locks) {
		f := strings.Fields(line)
		if len(f) < 6 || f[1] != "FLOCK" || f[3] != "WRITE" || f[5] != file {
			continue
		}
		if pid, err := strconv.Atoi(f[4]); err == nil {
			return pid
		}
	}
	return 0
}
