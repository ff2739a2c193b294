package libcontainer

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/creation"
	"rt/libcontainer/failure"
	"rt/libcontainer/hook"
	"rt/libcontainer/inspect"
	"rt/libcontainer/listener"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// Start lets a created container execute its program, and returns after the execve(2). If that fails, or ctx is
// cancelled before, Start returns the error and the container is stopped.
func (c *Container) Start(ctx context.Context) (Result, error) {
	caller, err := c.begin(ctx)
	if err == nil {
		err = c.start(caller)
	}
	return resultOf(caller, 0, err)
}

// starter starts a created container.
type starter struct {
	c         *Container
	caller    *caller.Caller
	container *state.Container
	state     *state.State
	spec      *spec.Spec
	hooks     *hook.Hooks
	session   *supervise.Session
}

func (c *Container) start(caller *caller.Caller) error {
	o, err := c.openFor(caller, state.Start, true)
	if err != nil {
		return err
	}
	defer o.close()
	caller.Pid = o.state.Pid
	config, err := o.config()
	if err != nil {
		return err
	}
	if config.Process == nil {
		return &diag.Error{
			Kind: diag.Document, Field: "process",
			Problem: "is absent from config.json: the container can't be started, only deleted",
		}
	}
	s := &starter{
		c: c, caller: caller, container: o.container, state: o.state, spec: config, hooks: c.hooks(caller, o, config),
	}
	text, err := o.container.Steps()
	if err != nil {
		return err
	}
	steps, first, err := supervise.ParseSteps(text)
	if err != nil {
		return err
	}
	relay, err := creation.NewRelay(caller, o.container)
	if err != nil {
		return err
	}
	defer relay.Close()
	boot, err := connect(o.container, o.state.Pid)
	if err != nil {
		return err
	}
	defer boot.Close()
	s.session = &supervise.Session{
		Boot: boot, Steps: steps, First: first, Handlers: s.handlers(), Debug: caller.Debug,
		Interrupted: caller.Interrupted, Kill: s.kill,
	}
	restore := caller.CatchEnd()
	err = s.release()
	restore()
	if err != nil {
		// The boot process reports the failed step just before it ends. Engines delete the container as soon as they
		// know of the error: if Docker is told that it still runs, it never deletes it.
		s.session.Boot.Close()
		awaitEnd(s.state)
		return err
	}
	return creation.WaitReady(relay, o.container, s.state)
}

// handlers returns the handlers of the sync points after the one where create ends.
func (s *starter) handlers() supervise.Handlers {
	return supervise.Handlers{
		plan.SyncStartContainer: func(supervise.Report) error {
			g, err := cgroup.Load(cgroup.Saved(s.state.Cgroup))
			if err != nil {
				return err
			}
			defer g.Close()
			return s.hooks.RunStartContainer(g, false)
		},
		plan.SyncListener: func(r supervise.Report) error {
			profile := s.spec.OCI.Linux.Seccomp
			text := state.AppendProcess(nil, s.state, state.Created, s.state.Pid, profile.ListenerMetadata)
			return listener.Pass(r.FD, s.state.Pid, profile.ListenerPath, text)
		},
	}
}

// release lets the boot process execute the program, and runs the poststart hooks.
func (s *starter) release() error {
	if err := s.session.Boot.Release(); err != nil && !errors.Is(err, nsenter.ErrEnded) {
		return err
	}
	err := s.session.Serve(plan.SyncNone)
	if f, ok := errors.AsType[*supervise.Failure](err); ok {
		return failure.Step(f, s.lateText(f.Step, f.Index), s.spec)
	}
	if h, ok := errors.AsType[*supervise.Hang](err); ok {
		return failure.Hang(h, "", s.spec)
	}
	if err != nil {
		// A signal has interrupted rt: the start has failed, so the program must not run later.
		s.kill()
		return err
	}
	if err := failure.Executed(s.session, s.state.Pid, s.oomError); err != nil {
		return err
	}
	if err := s.hooks.RunPoststart(); err != nil {
		s.kill()
		return err
	}
	return nil
}

// oomError returns an error if a process in the container's cgroup was OOM-killed.
func (s *starter) oomError() error {
	g, err := cgroup.Load(cgroup.Saved(s.state.Cgroup))
	if err != nil {
		return nil //nolint:nilerror // without the cgroup it is unknown
	}
	defer g.Close()
	return g.OOMError()
}

// kill kills the container's init. It identifies the init by its start time too: this rt is not its parent, so the pid
// may have been reused.
func (s *starter) kill() { process.Kill(s.state.Pid, s.state.StartTime) }

// awaitEnd waits until the init of a container has ended, for process.Patience at most.
func awaitEnd(s *state.State) {
	if pidfd, _ := process.Open(s.Pid, s.StartTime); pidfd >= 0 {
		process.AwaitEnd(pidfd, process.Patience)
		_ = unix.Close(pidfd)
	}
}

// connect connects to the start socket, on which the boot process waits, and removes the name of the socket: if this rt
// is killed from then on, the status of the container is no longer created.
func connect(c *state.Container, pid int) (*nsenter.Boot, error) {
	fd, err := dialBoot(c, 0)
	if err != nil {
		return nil, err
	}
	if err := c.MarkStarted(); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return nsenter.NewBoot(fd, pid), nil
}

// dialBoot returns a connection to the start socket. flags are those of socket(2), such as SOCK_NONBLOCK.
func dialBoot(c *state.Container, flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|flags, 0)
	if err != nil {
		return -1, diag.Sys("the boot process can't be reached", "socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: c.SocketPath(state.StartSocket)}); err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("the boot process can't be reached on its start socket", "connect", err)
	}
	return fd, nil
}

// lateText returns the text of a step as `rt plan` prints it. index counts from the step after the one where create
// ends. The text is not stored in the state directory, because only a failing start needs it. lateText compiles the
// plan again instead, which may differ if the host has changed: if it has another step at index, lateText returns "".
func (s *starter) lateText(step *nsenter.Step, index int) string {
	settings := s.c.runtime.settings()
	settings.Edit = nil
	c, err := creation.New(s.caller.Quiet(), settings, s.spec, &creation.Request{
		Inspect: inspect.Request{ID: s.c.ID, Wait: true, NoNewKeyring: s.state.NoNewKeyring},
	})
	if err != nil {
		return ""
	}
	defer c.Close()
	p, err := c.Plan()
	if err != nil {
		return ""
	}
	for i := range p.Steps {
		late := i + 1 + index
		if plan.SyncPointOf(&p.Steps[i]) != plan.SyncReady || late >= len(p.Steps) {
			continue
		}
		if t := &p.Steps[late]; t.Call == step.Call && t.Origin == step.Origin && t.Sentence == step.Sentence {
			return p.Text(late)
		}
	}
	return ""
}
