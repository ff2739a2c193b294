package state

import (
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
