package libcontainer

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/hooks"
	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/engine"
	"rt/libcontainer/host"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
	"rt/spec"
)

// containedHook runs the hooks of startContainer. They are programs of the image, so they run as the container's own
// process would: each joins the container as a process of `rt exec` does, with that process's user, capabilities,
// filter, cgroup and environment, and has nothing open but the state on its standard input and two pipes.
type containedHook struct {
	r          *Runtime
	container  *state.Container
	state      *state.State
	spec       *spec.Spec
	cgroup     *cgroup.Group
	unfiltered bool // linux.seccomp is not applied to the container's process either
}

// run runs the hooks. The status that they are told is "created".
func (h *containedHook) run() error {
	text := state.AppendHook(nil, h.state, state.Created)
	o := hooks.Options{Start: h.start, Env: h.spec.Process.Env, Contained: true}
	return h.r.runHooks("startContainer", h.spec.OCI.Hooks.StartContainer, text, h.spec, o)
}

// start is the Start of hooks.Options. It returns when the hook has been executed, or has failed to be.
func (h *containedHook) start(path string, argv, env []string, files []uintptr) (int, error) {
	quiet := *h.r // what there is to warn of was said of the container's process
	quiet.edit = nil
	config := *h.spec
	config.Process = hookProcess(h.spec.Process, argv, env)
	x := &executor{
		r: &quiet, id: h.state.ID, o: &ExecOptions{}, container: h.container, state: h.state, spec: &config, facts: host.Probe(), cgroup: h.cgroup,
		pidfd: process.Open(h.state.Pid, h.state.StartTime), binary: -1, target: cgroup.Exec{Dir: -1}, console: engine.NewConsole("", [3]int{}),
		streams: streams{std: [3]int{int(files[0]), int(files[1]), int(files[2])}, null: -1}, program: path, unfiltered: h.unfiltered,
	}
	defer x.closeProcess()
	if x.pidfd < 0 {
		return 0, &diag.Error{Kind: diag.State, Problem: "the container's process has ended"}
	}
	err := x.look()
	if err == nil {
		// The pipes are the hook's own.
		own := config.Process.UID != 0
		x.join.ChownStdio = [3]bool{own, own, own}
		err = x.run()
	}
	if err == nil {
		return x.pid, nil
	}
	if x.session != nil {
		x.session.End()
	}
	if e, ok := err.(*diag.Error); ok { //nolint:errorlint // made by this package
		e.Step, e.Text = 0, "" // of a plan that nobody sees
	}
	return 0, err
}

// hookProcess is a process of the container that runs a hook.
func hookProcess(of *spec.Process, argv, env []string) *spec.Process {
	p, oci := *of, specs.Process{}
	if of.OCI != nil {
		oci = *of.OCI
	}
	oci.ExecCPUAffinity = nil
	p.OCI, p.Args, p.Env, p.Terminal = &oci, argv, env, false
	return &p
}
