package plan

import "rt/nsenter"

// checkFilter refuses a filter that refuses a call which the boot process makes below it in any case. Such a container
// can't start, and if the filter refuses write(2) too the boot process can't even report why.
func (c *compiler) checkFilter() error {
	if c.opt.Filter == nil || c.opt.Observe {
		return nil
	}
	loaded, certain := false, 0 // steps before certain may be passed over by a jump
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		if loaded && i >= certain && !s.Errnos.Any() {
			if e := c.opt.Filter.CheckNeeded(s.Call.Number(), neededFor(s)); e != nil {
				return e
			}
		}
		loaded = loaded || s.Call == nsenter.Seccomp
		certain = max(certain, int(s.Then), int(s.Else))
	}
	return nil
}

// neededFor says why the start of a container needs a step below the filter.
func neededFor(s *nsenter.Step) string {
	if s.Call == nsenter.Execve || s.Call == nsenter.Execveat {
		return "which starts the program"
	}
	return "which the start needs after the filter is loaded (" + s.Sentence +
		"): process.noNewPrivileges has it loaded last"
}
