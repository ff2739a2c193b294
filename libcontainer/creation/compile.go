package creation

import (
	"errors"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
	"rt/libcontainer/idmap"
	"rt/libcontainer/inspect"
	"rt/libcontainer/notify"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/spec"
)

// compilation is what a plan is compiled from, and the plan.
type compilation struct {
	caller   *caller.Caller
	settings *Settings
	spec     *spec.Spec
	facts    host.Facts
	options  plan.Options
	plan     *plan.Plan // nil until compile
}

// inspect reads what the plan depends on, apart from the config.
func (in *compilation) inspect(r *inspect.Request) error {
	in.caller.Warn(idmap.ReadJoined(in.spec, r.ID)...)
	options, warnings, err := inspect.Create(in.spec, &in.facts, r)
	if err != nil {
		return err
	}
	in.caller.Warn(warnings...)
	in.options = *options
	in.options.SetgroupsDeny = idmap.DenySetgroups(in.spec, &in.facts)
	return in.inspectNotify()
}

// inspectNotify finds out whether the container gets a socket for its service manager.
func (in *compilation) inspectNotify() error {
	if in.spec.Process == nil || !in.caller.Command {
		return nil
	}
	if needed, err := notify.NeedsSocket(in.spec.Process.Env); !needed || err != nil {
		return err
	}
	if in.spec.Namespaces.New&unix.CLONE_NEWNS == 0 {
		in.caller.Warn(notify.Env +
			" is not passed to the container: the socket is a mount, and the container has no mount namespace of its " +
			"own")
		return nil
	}
	root, err := in.settings.Root()
	in.options.Notify = root + "/" + in.options.ID + "/" + state.NotifyDir
	return err
}

// nameKeyring names the session keyring that the container gets.
func (in *compilation) nameKeyring() (err error) {
	if !in.options.NoNewKeyring {
		in.options.Keyring, err = inspect.KeyringName(in.options.ID)
	}
	return err
}

// compile compiles the plan for a process in the cgroup.
func (in *compilation) compile(group *cgroup.Group) error {
	o := &in.options
	o.CgroupFD, o.CgroupJoins, o.CgroupAttach = false, nil, false
	if group.Available() {
		for _, h := range in.facts.Hierarchies {
			switch {
			case in.settings.SystemdCgroup, plan.JoinsCgroupFirst(in.spec, &in.facts):
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
		return locate(in.spec, err)
	}
	in.caller.Warn(p.Warnings...)
	if in.settings.Edit != nil {
		in.settings.Edit(p)
	}
	in.plan = p
	return nil
}

// spawnError adds a hint to the error about a boot process that could not be started.
func (in *compilation) spawnError(err error) error {
	e, ok := err.(*diag.Error) //nolint:errorlint // made by Spawn
	if ok && e.Errno == unix.EPERM && in.facts.EUID != 0 {
		e.Field = "linux.namespaces"
		e.Hint = "without root's privileges other namespaces require a user namespace: `rt spec --rootless` adds one"
	}
	return err
}

// locate adds the line and column to an error about the document that was found after it was loaded.
func locate(s *spec.Spec, err error) error {
	if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind == diag.Document && e.Op == "" && e.Field != "" {
		spec.Locate(s.Raw, e)
	}
	return err
}
