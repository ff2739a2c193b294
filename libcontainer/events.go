package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// Stats returns the accounting of the container, which must live. Result has warnings of what the kernel does not
// account for.
func (c *Container) Stats(ctx context.Context) (*Stats, Result, error) {
	var stats *Stats
	by, err := c.begin(ctx)
	if err == nil {
		err = c.watch(by, func(w *watched) (err error) {
			stats, err = w.stats()
			return err
		})
	}
	result, err := ended(by, 0, err)
	return stats, result, err
}

// ResourceUsage is what a container uses at a moment.
type ResourceUsage struct {
	*Stats
	At       time.Time
	OOMKills uint64 // how many of its processes were OOM-killed
}

// Usage returns what the container uses, which must live.
func (c *Container) Usage(ctx context.Context) (*ResourceUsage, error) {
	by, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	var usage *ResourceUsage
	err = c.watch(by, func(w *watched) error {
		stats, err := w.stats()
		usage = &ResourceUsage{Stats: stats, At: time.Now(), OOMKills: w.group.OOMKills()}
		return err
	})
	if err != nil {
		return nil, by.Explain(err)
	}
	return usage, nil
}

// Events calls tell with the accounting of the container in every interval, and whenever it ran out of memory, until
// the container ends or tell returns an error, which Events returns. ctx is looked at before each call of tell.
func (c *Container) Events(ctx context.Context, interval time.Duration, tell func(Event) error) (Result, error) {
	by, err := c.begin(ctx)
	if err == nil {
		err = c.watch(by, func(w *watched) error {
			return w.events(by, interval, func(e Event) error {
				if err := by.Cancelled(); err != nil {
					return err
				}
				return tell(e)
			})
		})
	}
	return ended(by, 0, err)
}

// Event is an event of a container: its accounting, or that the kernel killed one of its processes because memory ran
// out.
type Event struct {
	Stats *Stats // nil if memory ran out
}

// Stats is the accounting of a container.
type Stats struct {
	*cgroup.Stats
	IntelRdt *RdtStats // nil without linux.intelRdt
}

// Pressure is the PSI of a resource in [Stats]: the share of the time, in percent, for which processes wait for it.
type Pressure = cgroup.Pressure

// BlockEntry is a count of a block device in [Stats].
type BlockEntry = cgroup.BlockEntry

// MemoryUse is in [Stats], in bytes, how much memory of one kind is used, and how often its limit was reached.
type MemoryUse = cgroup.MemoryUse

// RdtStats is what resctrl reports of the class of a container.
type RdtStats = rdt.Stats

// events is Events of a container that is looked at.
func (w *watched) events(by *caller.Caller, interval time.Duration, tell func(Event) error) error {
	notices := -1
	oom, err := w.group.WatchOOM()
	if err == nil {
		defer oom.Close()
		notices = oom.FD()
	} else {
		by.Warn(err.Error()) // the accounting of the other controllers is there all the same
	}
	next := time.Now().Add(interval)
	for {
		fds := []unix.PollFd{{Fd: int32(notices), Events: unix.POLLIN}, {Fd: int32(w.pidfd), Events: unix.POLLIN}}
		left := max(0, time.Until(next))
		n, err := unix.Poll(fds, int((left+time.Millisecond-1)/time.Millisecond))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return diag.Sys("events of the container can't be waited for", "poll", err)
		case fds[0].Revents != 0:
			e, err := oom.Wait()
			if err != nil {
				return err
			}
			if e.OOM {
				if err := tell(Event{}); err != nil {
					return err
				}
			}
			if e.Gone {
				return nil
			}
		case fds[1].Revents != 0:
			return nil
		case n == 0:
			next = next.Add(interval)
			stats, err := w.stats()
			if err != nil {
				return err
			}
			if err := tell(Event{Stats: stats}); err != nil {
				return err
			}
		}
	}
}

// watched is a container that is looked at for a while.
type watched struct {
	group *cgroup.Group
	rdt   *rdt.Group // nil without linux.intelRdt
	pidfd int
}

func (w *watched) stats() (*Stats, error) {
	s, err := w.group.Stats()
	if err != nil {
		return nil, err
	}
	all := &Stats{Stats: s}
	if w.rdt != nil {
		all.IntelRdt = w.rdt.Stats()
	}
	return all, nil
}

// watch calls do with the cgroup and the first process of the container, which must live.
func (c *Container) watch(by *caller.Caller, do func(*watched) error) error {
	o, err := c.openFor(by, state.Events, false)
	if err != nil {
		return err
	}
	defer o.close()
	w := &watched{}
	if w.group, err = o.loadCgroup(); err != nil {
		return err
	}
	defer w.group.Close()
	if w.rdt, err = o.rdt(c.runtime.resctrlRoot); err != nil {
		by.Warn(err.Error()) // the rest is there all the same
	}
	if w.pidfd, err = process.Open(o.state.Pid, o.state.StartTime); err != nil {
		return err
	}
	if w.pidfd < 0 {
		return state.Allow(state.Events, c.ID, state.Stopped)
	}
	defer func() { _ = unix.Close(w.pidfd) }()
	return do(w)
}
