package hook

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/hooks"
	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/join"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/spec"
)

// RunStartContainer runs startContainer: just before the user's program is executed, with the status "created". The
// hooks are programs of the image. Each joins the container like a process of `rt exec`, with the user, capabilities,
// filter, cgroup and environment of the container's process. It has only three descriptors: the state on standard
// input, and two pipes. With unfiltered, linux.seccomp is applied neither to hooks nor to the container's process.
func (h *Hooks) RunStartContainer(group *cgroup.Group, unfiltered bool) error {
	start := func(path string, argv, env []string, files []uintptr) (int, error) {
		// Without Warn: the warnings were given about the container's process.
		hook := join.Options{
			Process: processOf(h.Spec.Process, argv, env), Program: path, Binary: -1, OwnStreams: true,
			Streams:    stdio.FromDescriptors([3]int{int(files[0]), int(files[1]), int(files[2])}),
			Unfiltered: unfiltered, Resctrl: h.Resctrl, Debug: h.Caller.Debug, Interrupted: h.Caller.Interrupted,
		}
		pidfd, err := process.Open(h.State.Pid, h.State.StartTime)
		if err != nil {
			return 0, err
		}
		if pidfd < 0 {
			return 0, &diag.Error{Kind: diag.State, Problem: "the container's process has ended"}
		}
		defer func() { _ = unix.Close(pidfd) }()
		c := &join.Container{Dir: h.Dir, State: h.State, Pidfd: pidfd, Spec: h.Spec, Cgroup: group}
		return joinContainer(c, &hook)
	}
	text := state.AppendHook(nil, h.State, state.Created)
	return h.run("startContainer", h.Spec.OCI.Hooks.StartContainer, text,
		hooks.Options{Start: start, Env: h.Spec.Process.Env, Contained: true})
}

// joinContainer starts a hook, and returns after its execve(2).
func joinContainer(c *join.Container, o *join.Options) (pid int, err error) {
	p, err := join.New(c, o)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	pid, err = p.Start()
	if e, ok := err.(*diag.Error); ok { //nolint:errorlint // made by this module
		e.Step, e.Text = 0, "" // `rt plan` does not print the plan of a hook
	}
	return pid, err
}

// processOf returns the process of the config with the arguments and the environment of a hook.
func processOf(of *spec.Process, argv, env []string) *spec.Process {
	p, oci := *of, specs.Process{}
	if of.OCI != nil {
		oci = *of.OCI
	}
	oci.ExecCPUAffinity = nil
	p.OCI, p.Args, p.Env, p.Terminal = &oci, argv, env, false
	return &p
}
