package state

// Evidence is what can be observed of a container at this moment.
type Evidence struct {
	Alive       bool // its process is alive (see Alive)
	Busy        bool // its creator holds the lock of its directory
	StartSocket bool // start.sock exists
	// Its cgroup is frozen; called only if it matters, since it reads files; nil: it has no freezer.
	Frozen func() bool
}

// Derive derives the status of a container that was recorded in phase.
//
// A container is Creating while its creator holds the lock. If the creator was killed, the lock was released, and the
// boot process has ended, as it does when the other end of its control channel is closed: that container has stopped
// before it was created.
func Derive(phase Status, e Evidence) Status {
	switch {
	case phase == Creating && e.Busy:
		return Creating
	case phase == Creating, !e.Alive:
		return Stopped
	case e.Frozen != nil && e.Frozen():
		return Paused
	case e.StartSocket:
		return Created
	}
	return Running
}

// Status examines the process, the lock and the start socket of c, and its cgroup by calling frozen, and derives the
// status of s, the State of c. A caller that has examined the process says whether it is alive; others pass nil.
func (c *Container) Status(s *State, alive *bool, frozen func() bool) (Status, error) {
	e := Evidence{Frozen: frozen}
	switch {
	case s.Phase == Creating:
		// If this process holds the lock and is not the creator, the creator has ended.
		e.Busy = c.creator || !c.locked && c.busy()
	case alive != nil:
		e.Alive = *alive
	default:
		var err error
		if e.Alive, err = Alive(s.Pid, s.StartTime); err != nil {
			return "", err
		}
	}
	e.StartSocket = e.Alive && c.has(StartSocket)
	return Derive(s.Phase, e), nil
}
