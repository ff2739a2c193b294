package libcontainer

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"rt/hooks"
	"rt/libcontainer/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// runCreateHooks runs the hooks whose time is when the mounts are made and the root is not changed yet.
func (m *maker) runCreateHooks() error {
	m.poststop.run = m.runPoststop
	m.state.Pid = m.pid
	text := state.AppendHook(nil, &m.state, state.Creating)
	if err := m.runHostHooks(text); err != nil {
		return err
	}
	inside := insideStarter{pid: m.pid, namespaces: m.spec.Namespaces, dir: m.container.Path(".")}
	return hooks.Run("createContainer", m.spec.OCI.Hooks.CreateContainer, text, hooks.Options{Start: inside.start})
}

// runHostHooks runs the hooks of the runtime's namespaces, with text on their standard input.
func (m *maker) runHostHooks(text []byte) error {
	h := m.spec.OCI.Hooks
	if err := hooks.Run("prestart", h.Prestart, text, hooks.Options{Dir: m.spec.Bundle}); err != nil { //nolint:staticcheck // deprecated, and used by Docker
		return err
	}
	return hooks.Run("createRuntime", h.CreateRuntime, text, hooks.Options{Dir: m.spec.Bundle})
}

// runStartContainerHooks runs the hooks that run inside the container just before the user's program; the status they are told is "created".
func runStartContainerHooks(config *spec.Spec, s *state.State, pid int, c *state.Container) error {
	inside := insideStarter{pid: pid, namespaces: config.Namespaces, dir: c.Path(".")}
	text := state.AppendHook(nil, s, state.Created)
	return hooks.Run("startContainer", config.OCI.Hooks.StartContainer, text, hooks.Options{Start: inside.start, Env: config.Process.Env})
}

// runPoststart runs the hooks that follow the start of the user's program. A failure ends the container (runtime.md#lifecycle).
func runPoststart(config *spec.Spec, s *state.State) error {
	if h := config.OCI.Hooks; h != nil {
		return hooks.Run("poststart", h.Poststart, state.AppendHook(nil, s, state.Running), hooks.Options{Dir: config.Bundle})
	}
	return nil
}

// runPoststop runs the hooks that follow the end of the container. The spec wants only warnings for their failures.
func (m *maker) runPoststop() { runPoststop(m.r, m.spec, &m.state) }

func runPoststop(r *Runtime, s *spec.Spec, st *state.State) {
	h := s.OCI.Hooks
	if h == nil || len(h.Poststop) == 0 {
		return
	}
	after := *st
	after.Pid = 0
	if err := hooks.Run("poststop", h.Poststop, state.AppendHook(nil, &after, state.Stopped), hooks.Options{All: true, Dir: s.Bundle}); err != nil {
		r.warn(err.Error())
	}
}

// insideStarter starts hooks inside the namespaces of a process.
type insideStarter struct {
	pid        int
	namespaces spec.Namespaces
	dir        string // for the boot image, where a memfd can't be executed
}

// start is the Start of hooks.Options. It returns when the hook has been executed, or has failed to be.
func (s insideStarter) start(argv0 string, argv, env []string, files []uintptr) (int, error) {
	pidfd, err := unix.PidfdOpen(s.pid, 0)
	if err != nil {
		return 0, diag.Sys("find the container's process", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	program := plan.Inside(s.namespaces.New|joined(s.namespaces), argv0, argv, env)
	image, err := nsenter.Assemble(program)
	if err != nil {
		return 0, err
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-hook"}, Files: append(slices.Clip(files), uintptr(pidfd)), CgroupFD: -1, Dir: s.dir,
	})
	if err != nil {
		return 0, err
	}
	hook := supervise.Session{Boot: boot, Steps: program.Steps, On: supervise.Handlers{plan.SyncBorn: func(supervise.Report) error { return nil }}}
	err = hook.Serve(plan.SyncNone)
	if err == nil {
		boot.Close()
		return boot.Pid, nil
	}
	hook.End()
	if f, ok := errors.AsType[*supervise.Failure](err); ok {
		if f.Step.Call == nsenter.Execve {
			return 0, nsenter.Errno(f.Result)
		}
		e := diag.Sys(f.Step.Sentence, f.Step.Call.String(), nsenter.Errno(f.Result))
		e.Step = f.Step.Number
		return 0, e
	}
	return 0, err
}

// joined returns the kinds of namespaces that are joined by path.
func joined(n spec.Namespaces) (flags uintptr) {
	for _, j := range n.Join {
		flags |= j.Flag
	}
	return flags
}
