package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// Stats returns the resource accounting of a container that is not stopped. Result has a warning for each kind of
// accounting that is not available.
func (c *Container) Stats(ctx context.Context) (*Stats, Result, error) {
	var stats *Stats
	caller, err := c.begin(ctx)
	if err == nil {
		err = c.withMonitor(caller, func(m *monitor) (err error) {
			stats, err = m.stats()
			return err
		})
	}
	result, err := resultOf(caller, 0, err)
	return stats, result, err
}

// ResourceUsage is the resource accounting of a container at one moment.
type ResourceUsage struct {
	*Stats
	At       time.Time // when it was read
	OOMKills uint64    // how many of its processes were OOM-killed
}

// Usage returns the resource accounting of a container that is not stopped.
func (c *Container) Usage(ctx context.Context) (*ResourceUsage, error) {
	caller, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	var usage *ResourceUsage
	err = c.withMonitor(caller, func(m *monitor) error {
		stats, err := m.stats()
		usage = &ResourceUsage{Stats: stats, At: time.Now(), OOMKills: m.group.OOMKills()}
		return err
	})
	if err != nil {
		return nil, caller.Explain(err)
	}
	return usage, nil
}

// Events calls report with the resource accounting of the container after each interval, and whenever a process is
// OOM-killed. It returns when the container ends, or with the error that report returns. A cancelled ctx has an effect
// before the next call of report.
func (c *Container) Events(ctx context.Context, interval time.Duration, report func(Event) error) (Result, error) {
	caller, err := c.begin(ctx)
	if err == nil {
		err = c.withMonitor(caller, func(m *monitor) error {
			return m.reportEvents(caller, interval, func(e Event) error {
				if err := caller.Cancelled(); err != nil {
					return err
				}
				return report(e)
			})
		})
	}
	return resultOf(caller, 0, err)
}

// Event is an event of a container.
type Event struct {
	Stats *Stats // the resource accounting; nil for the event that a process was OOM-killed
}

// Stats is the resource accounting of a container: that of its cgroup, in the form in which `rt events` prints it under
// "data", and that of Intel RDT. Package github.com/opencontainers/cgroups documents the fields of the embedded type,
// and those of [Pressure], [BlockEntry] and [MemoryUse].
type Stats struct {
	*cgroup.Stats           // cgroups.Stats
	IntelRdt      *RdtStats // nil without linux.intelRdt
}

// Pressure is the pressure stall information of a resource in [Stats]: the share of the time, in percent, in which
// processes waited for the resource.
type Pressure = cgroup.Pressure

// BlockEntry is a counter of a block device in [Stats].
type BlockEntry = cgroup.BlockEntry

// MemoryUse is the use of one kind of memory in [Stats], in bytes, and how often it has reached its limit.
type MemoryUse = cgroup.MemoryUse

// RdtStats are the statistics of linux.intelRdt.
//
//	L3      the files of info/L3: cbm_mask, min_cbm_bits, num_closids; nil without cache allocation
//	MB      the files of info/MB: bandwidth_gran, delay_linear, min_bandwidth, num_closids; nil without it
//	Root    the schemas of the default class
//	Class   the schemas of the container's class
//	Counts  the counters of each L3 cache domain, in order
type RdtStats = rdt.Stats

// reportEvents calls report with the events of the container until it ends.
func (m *monitor) reportEvents(caller *caller.Caller, interval time.Duration, report func(Event) error) error {
	notices := -1
	oom, err := m.group.WatchOOM()
	if err == nil {
		defer oom.Close()
		notices = oom.FD()
	} else {
		caller.Warn(err.Error()) // the accounting of the other controllers is available
	}
	next := time.Now().Add(interval)
	for {
		fds := []unix.PollFd{{Fd: int32(notices), Events: unix.POLLIN}, {Fd: int32(m.pidfd), Events: unix.POLLIN}}
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
				if err := report(Event{}); err != nil {
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
			stats, err := m.stats()
			if err != nil {
				return err
			}
			if err := report(Event{Stats: stats}); err != nil {
				return err
			}
		}
	}
}

// monitor reads the resource accounting of one container.
type monitor struct {
	group *cgroup.Group
	rdt   *rdt.Group // nil without linux.intelRdt
	pidfd int        // of the init
}

// stats reads the accounting of the cgroup, and of the class of linux.intelRdt.
func (m *monitor) stats() (*Stats, error) {
	s, err := m.group.Stats()
	if err != nil {
		return nil, err
	}
	all := &Stats{Stats: s}
	if m.rdt != nil {
		all.IntelRdt = m.rdt.Stats()
	}
	return all, nil
}

// withMonitor calls do with a monitor of a container that is not stopped.
func (c *Container) withMonitor(caller *caller.Caller, do func(*monitor) error) error {
	o, err := c.openFor(caller, state.Events, false)
	if err != nil {
		return err
	}
	defer o.close()
	m := &monitor{}
	if m.group, err = o.loadCgroup(); err != nil {
		return err
	}
	defer m.group.Close()
	if m.rdt, err = o.rdt(c.runtime.resctrlRoot); err != nil {
		caller.Warn(err.Error()) // the accounting of the cgroup is available
	}
	if m.pidfd, err = o.openInit(state.Events); err != nil {
		return err
	}
	defer func() { _ = unix.Close(m.pidfd) }()
	return do(m)
}
