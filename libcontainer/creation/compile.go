package creation

import (
	"errors"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/idmap"
	"rt/libcontainer/inspect"
	"rt/libcontainer/notify"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/spec"
)

// Plan compiles the plan that Make would execute, and does nothing else.
func (c *Creation) Plan() (*plan.Plan, error) {
	if err := c.compile(); err != nil {
		return nil, err
	}
	return c.in.plan, nil
}

// compilation is what a plan is compiled from, and the plan.
type compilation struct {
	spec    *spec.Spec
	facts   host.Facts
	options plan.Options
	plan    *plan.Plan // nil until compile
}

// inspect reads what the plan depends on and the config does not say.
func (c *Creation) inspect() error {
	in, r := &c.in, &c.request.Inspect
	options, warnings, err := inspect.Create(in.spec, &in.facts, r)
	if err != nil {
		return err
	}
	c.caller.Warn(warnings...)
	in.options = *options
	c.aides.streams.Preserved = options.PreserveFDs - r.ExtraFiles // with those of LISTEN_FDS
	in.options.SetgroupsDeny = idmap.DenySetgroups(in.spec, &in.facts)
	return c.inspectNotify()
}

// inspectNotify finds out whether the container gets a socket for its service manager.
func (c *Creation) inspectNotify() error {
	in := &c.in
	if in.spec.Process == nil || !c.caller.Command {
		return nil
	}
	if wanted, err := notify.Wanted(in.spec.Process.Env); !wanted || err != nil {
		return err
	}
	if in.spec.Namespaces.New&unix.CLONE_NEWNS == 0 {
		c.caller.Warn(notify.Env +
			" is not passed on: it takes a mount in the container, which has no mount namespace of its own")
		return nil
	}
	root, err := c.settings.Root()
	in.options.Notify = root + "/" + in.options.ID + "/" + state.NotifyDir
	return err
}

// nameKeyring names the session keyring that the container gets.
func (c *Creation) nameKeyring() (err error) {
	in := &c.in
	if !in.options.NoNewKeyring {
		in.options.Keyring, err = inspect.KeyringName(in.options.ID)
	}
	return err
}

// compile compiles the plan for a process in the cgroup.
func (c *Creation) compile() error {
	in, o := &c.in, &c.in.options
	o.CgroupFD, o.CgroupJoins, o.CgroupAttach = false, nil, false
	if c.cgroup.Available() {
		for _, h := range in.facts.Hierarchies {
			switch {
			case c.settings.SystemdCgroup, plan.JoinsCgroupFirst(in.spec, &in.facts):
				o.CgroupAttach = true
			case h.V2:
				o.CgroupFD = true
			default:
				o.CgroupJoins = append(o.CgroupJoins, h.Path+"/tasks")
			}
		}
	}
	o.ProcPidNS = plan.AsksForPidNS(in.spec) && host.ProcPidNS()
	p, err := plan.Compile(in.spec, &in.facts, o)
	if err != nil {
		return located(in.spec, err)
	}
	c.caller.Warn(p.Warnings...)
	if c.settings.Edit != nil {
		c.settings.Edit(p)
	}
	in.plan = p
	return nil
}

// located completes an error of the document, found after it was loaded, with line and column.
func located(s *spec.Spec, err error) error {
	if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind == diag.Document && e.Op == "" && e.Field != "" {
		spec.Place(s.Raw, e)
	}
	return err
}
