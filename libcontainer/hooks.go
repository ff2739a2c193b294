package libcontainer

import (
	"slices"

	"golang.org/x/sys/unix"

	"rt/hooks"
	"rt/libcontainer/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/nsenter"
	"rt/spec"
)

// runCreateHooks runs the hooks whose time is when the mounts are made and the root is not changed yet.
func (m *maker) runCreateHooks() error {
	m.hooked = true
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
func (m *maker) runStartContainerHooks() error {
	inside := insideStarter{pid: m.pid, namespaces: m.spec.Namespaces, dir: m.container.Path(".")}
	text := state.AppendHook(nil, &m.state, state.Created)
	return hooks.Run("startContainer", m.spec.OCI.Hooks.StartContainer, text, hooks.Options{Start: inside.start, Env: m.spec.Process.Env})
}

// runPoststart runs the hooks that follow the start of the user's program. A failure ends the container (runtime.md#lifecycle).
func (m *maker) runPoststart() error {
	if h := m.spec.OCI.Hooks; h != nil {
		return hooks.Run("poststart", h.Poststart, state.AppendHook(nil, &m.state, state.Running), hooks.Options{Dir: m.spec.Bundle})
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
	defer boot.Close()
	return serveInside(boot, program)
}

// serveInside waits until the second process of a program of plan.Inside has executed, and returns its pid.
func serveInside(boot *nsenter.Boot, program *nsenter.Program) (int, error) {
	pid := boot.Pid
	for {
		record, _, err := boot.Next()
		if err != nil {
			return pid, nil // the end of the channel: it was executed
		}
		switch record.Kind {
		case nsenter.Sync:
			_, _ = waitPid(boot.Pid)
			pid = int(record.Value)
		case nsenter.Failed:
			_, _ = waitPid(pid)
			step := &program.Steps[record.Step]
			if step.Call == nsenter.Execve {
				return 0, nsenter.Errno(record.Value)
			}
			e := diag.Sys(step.Sentence, step.Call.String(), nsenter.Errno(record.Value))
			e.Step = step.Number
			return 0, e
		case nsenter.Trace:
		}
	}
}

// joined returns the kinds of namespaces that are joined by path.
func joined(n spec.Namespaces) (flags uintptr) {
	for _, j := range n.Join {
		flags |= j.Flag
	}
	return flags
}
