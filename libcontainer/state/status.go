package state

// Evidence is what can be seen of a container at this moment.
type Evidence struct {
	Alive       bool        // its process is alive (see Alive)
	Busy        bool        // its creator holds the lock of its directory
	StartSocket bool        // start.sock is there
	Frozen      func() bool // its cgroup is frozen; asked only if it matters, since it reads files; nil: it has no freezer
}

// Derive says what the evidence means for a container that was recorded in phase.
//
// A container in creation is one whose creator still holds the lock. If the creator was killed the lock went with it, and so did the boot process,
// which ends when nobody holds the other end of its control channel: that container has stopped before it was created.
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

// Status looks at the process, the lock and the start socket of c, and at its cgroup by asking frozen, and derives the status of s, which is c's.
func (c *Container) Status(s *State, frozen func() bool) Status {
	e := Evidence{Frozen: frozen}
	if s.Phase == Creating {
		// Who holds the lock of a container that another process was to make knows that this process is gone.
		e.Busy = c.maker || !c.locked && c.busy()
	} else if e.Alive = Alive(s.Pid, s.StartTime); e.Alive {
		e.StartSocket = c.has(StartSocket)
	}
	return Derive(s.Phase, e)
}
