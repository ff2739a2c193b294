package libcontainer

import (
	"context"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
	"rt/libcontainer/idmap"
	"rt/libcontainer/inspect"
	"rt/libcontainer/notify"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/spec"
)

// Plan compiles the plan that Create (wait) or Run would carry out, and does nothing else. bundle may also be a
// config.json by any name; relative paths in it start in its directory.
func (r *Runtime) Plan(bundle string, o *CreateOptions, wait bool) (*plan.Plan, Result, error) {
	c := r.call(context.Background())
	p, err := c.compilePlan(bundle, o, wait)
	return p, c.result(0), err
}

// compilePlan compiles the plan that Create (wait) or Run would execute, and does nothing else.
func (r *call) compilePlan(bundle string, o *CreateOptions, wait bool) (*plan.Plan, error) {
	file, dir := "", bundle
	if info, err := os.Stat(bundle); err == nil && !info.IsDir() {
		file, dir = bundle, filepath.Dir(bundle)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--bundle", Value: bundle, Err: err}
	}
	config, err := loadConfig(dir, file)
	if err != nil {
		return nil, err
	}
	c, err := r.newCreation("ID", config, o, wait)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if err := c.in.compile(r, c.cgroup); err != nil {
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
func (in *compilation) inspect(r *call, id string, o *CreateOptions, wait bool, s *stdio.Streams) error {
	options, warnings, err := inspect.Create(in.spec, &in.facts, &inspect.Request{
		ID: id, Wait: wait, NoPivot: o.NoPivot, NoNewKeyring: o.NoNewKeyring, PreserveFDs: o.PreserveFDs,
		ExtraFiles: len(o.ExtraFiles), Streams: s.Std, ServiceManager: r.Command,
		Layer:   inspect.LayerRequest{Ephemeral: o.Ephemeral, Size: o.EphemeralSize, Overlay: o.Overlay},
		Observe: o.Observe != nil, Trace: o.Trace != nil,
	})
	if err != nil {
		return err
	}
	r.warn(warnings...)
	in.options = *options
	s.Preserved = options.PreserveFDs - len(o.ExtraFiles) // with those of LISTEN_FDS
	in.options.SetgroupsDeny = idmap.DenySetgroups(in.spec, &in.facts)
	return in.inspectNotify(r)
}

// inspectNotify finds out whether the container gets a socket for its service manager.
func (in *compilation) inspectNotify(r *call) error {
	if in.spec.Process == nil || !r.Command {
		return nil
	}
	if wanted, err := notify.Wanted(in.spec.Process.Env); !wanted || err != nil {
		return err
	}
	if in.spec.Namespaces.New&unix.CLONE_NEWNS == 0 {
		r.warn(notify.Env +
			" is not passed on: it takes a mount in the container, which has no mount namespace of its own")
		return nil
	}
	root, err := r.rootPath()
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
func (in *compilation) compile(r *call, g *cgroup.Group) error {
	o := &in.options
	o.CgroupFD, o.CgroupJoins, o.CgroupAttach = false, nil, false
	if g.Available() {
		for _, h := range in.facts.Hierarchies {
			switch {
			case r.SystemdCgroup, plan.JoinsCgroupFirst(in.spec, &in.facts):
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
	r.warn(p.Warnings...)
	if r.edit != nil {
		r.edit(p)
	}
	in.plan = p
	return nil
}
