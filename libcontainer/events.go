package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// Stats returns the accounting of a container. Result has warnings of what the kernel does not account for.
func (r *Runtime) Stats(id string) (*Stats, Result, error) {
	c := r.call(context.Background())
	stats, err := c.stats(id)
	return stats, c.result(0), err
}

// Events calls tell with the accounting of a container in every interval, and whenever it ran out of memory, until the
// container ends or tell returns an error, which Events returns. ctx is looked at before each call of tell.
func (r *Runtime) Events(
	ctx context.Context, id string, interval time.Duration, tell func(Event) error,
) (Result, error) {
	c := r.call(ctx)
	err := c.events(id, interval, func(e Event) error {
		if err := c.interrupted(); err != nil {
			return err
		}
		return tell(e)
	})
	return c.result(0), err
}

// Event is an event of a container: its accounting, or that the kernel killed one of its processes because memory ran
// out.
type Event struct {
	Stats *Stats // nil if memory ran out
}

// Stats is the accounting of a container.
type Stats struct {
	*cgroup.Stats
	IntelRdt *rdt.Stats // nil without linux.intelRdt
}

// Stats reads the accounting of a container once.
func (r *call) stats(id string) (*Stats, error) {
	w, err := r.watch(id)
	if err != nil {
		return nil, err
	}
	defer w.close()
	return w.stats()
}

// Events calls tell with the accounting of a container in every interval, and whenever it ran out of memory, until the
// container ends or tell returns an error.
func (r *call) events(id string, interval time.Duration, tell func(Event) error) error {
	w, err := r.watch(id)
	if err != nil {
		return err
	}
	defer w.close()
	notices := -1
	oom, err := w.group.WatchOOM()
	if err == nil {
		defer oom.Close()
		notices = oom.FD()
	} else {
		r.warn(err.Error()) // the accounting of the other controllers is there all the same
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

// watch finds the cgroup and the first process of a container that lives.
func (r *call) watch(id string) (*watched, error) {
	o, err := r.openFor(state.Events, id, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	g, err := cgroup.Load(cgroup.Saved(o.state.Cgroup))
	if err != nil {
		return nil, err
	}
	class, err := r.rdtOf(o)
	if err != nil {
		r.warn(err.Error()) // the rest is there all the same
	}
	pidfd, err := unix.PidfdOpen(o.state.Pid, 0)
	if err != nil || !state.Alive(o.state.Pid, o.state.StartTime) {
		if err == nil {
			_ = unix.Close(pidfd)
		}
		return nil, state.Allow(state.Events, id, state.Stopped)
	}
	return &watched{g, class, pidfd}, nil
}

func (w *watched) close() {
	w.group.Close()
	_ = unix.Close(w.pidfd)
}
