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

// Start lets a created container execute its program, and returns when it has: a program that can't be executed is an
// error here. If it fails or ctx is cancelled meanwhile, the container is stopped.
func (c *Container) Start(ctx context.Context) (Result, error) {
	by, err := c.begin(ctx)
	if err == nil {
		err = c.start(by)
	}
	return ended(by, 0, err)
}

// starter starts one container that was created.
type starter struct {
	c         *Container
	by        *caller.Caller
	container *state.Container
	state     *state.State
	spec      *spec.Spec
	hooks     *hook.Hooks
	session   *supervise.Session
}

func (c *Container) start(by *caller.Caller) error {
	o, err := c.openFor(by, state.Start, true)
	if err != nil {
		return err
	}
	defer o.close()
	by.Pid = o.state.Pid
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
		c: c, by: by, container: o.container, state: o.state, spec: config, hooks: c.hooks(by, o, config),
	}
	text, err := o.container.Steps()
	if err != nil {
		return err
	}
	steps, first, err := supervise.ParseSteps(text)
	if err != nil {
		return err
	}
	relay, err := creation.NewRelay(by, o.container)
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
		Boot: boot, Steps: steps, First: first, On: s.handlers(), Debug: by.Debug,
		Interrupted: by.Interrupted, Kill: s.kill,
	}
	restore := by.CatchEnd()
	err = s.release()
	restore()
	if err != nil {
		s.awaitEnd()
		return err
	}
	return creation.WaitReady(relay, o.container, s.state)
}

// handlers is what start does at the sync points that are left.
func (s *starter) handlers() supervise.Handlers {
	return supervise.Handlers{
		plan.SyncStartContainer: func(supervise.Report) error {
			g, err := cgroup.Load(cgroup.Saved(s.state.Cgroup))
			if err != nil {
				return err
			}
			defer g.Close()
			return s.hooks.StartContainer(g, false)
		},
		plan.SyncListener: func(r supervise.Report) error {
			profile := s.spec.OCI.Linux.Seccomp
			text := state.AppendProcess(nil, s.state, state.Created, s.state.Pid, profile.ListenerMetadata)
			return listener.Pass(r.FD, s.state.Pid, profile.ListenerPath, text)
		},
	}
}

// release lets the boot process become the user's program, and runs the poststart hooks.
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
		// A signal to end this rt: the start has failed, so the program must not run later.
		s.kill()
		return err
	}
	if err := failure.Executed(s.session, s.state.Pid, s.starved); err != nil {
		return err
	}
	if err := s.hooks.Poststart(); err != nil {
		s.kill()
		return err
	}
	return nil
}

// starved reports whether the container's cgroup was out of memory.
func (s *starter) starved() error {
	g, err := cgroup.Load(cgroup.Saved(s.state.Cgroup))
	if err != nil {
		return nil //nolint:nilerror // nothing is known
	}
	defer g.Close()
	return g.OOMError()
}

// kill kills the container's process. Not by the number, which may be another process's by now: its parent is not this
// rt.
func (s *starter) kill() { process.Kill(s.state.Pid, s.state.StartTime) }

// awaitEnd waits until the process of a container that could not be started is gone: it reports its failing step, or is
// killed, a moment before it ends, and engines delete the container as soon as they know. Docker, told that it runs,
// leaves it behind for good.
func (s *starter) awaitEnd() {
	s.session.Boot.Close()
	if pidfd, _ := process.Open(s.state.Pid, s.state.StartTime); pidfd >= 0 {
		process.AwaitEnd(pidfd, process.Patience)
		_ = unix.Close(pidfd)
	}
}

// connect connects to the boot process that waits for the start. The socket's name goes first: if this rt is killed
// now, the container is not taken for one that can still be started.
func connect(c *state.Container, pid int) (*nsenter.Boot, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, diag.Sys("the boot process can't be reached", "socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: c.SocketPath(state.StartSocket)}); err != nil {
		_ = unix.Close(fd)
		return nil, diag.Sys("the boot process can't be reached on its start socket", "connect", err)
	}
	if err := c.MarkStarted(); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return nsenter.Attach(fd, pid), nil
}

// lateText is the call of a step as `rt plan` shows it, the one with that index after the point where the container was
// created. To keep such texts with the container would cost every create what only a failing start needs. So the plan
// is made once more, which is good enough for words: what comes so late hardly depends on what may have changed since,
// and where it does the step is another one and has no text.
func (s *starter) lateText(step *nsenter.Step, index int) string {
	settings := s.c.runtime.settings()
	settings.Edit = nil
	again, err := creation.New(s.by.Quiet(), settings, s.spec, &creation.Request{
		Inspect: inspect.Request{ID: s.c.ID, Wait: true, NoNewKeyring: s.state.NoNewKeyring},
	})
	if err != nil {
		return ""
	}
	defer again.Close()
	p, err := again.Plan()
	if err != nil {
		return ""
	}
	for i := range p.Steps {
		if at := i + 1 + index; plan.SyncPointOf(&p.Steps[i]) == plan.SyncReady && at < len(p.Steps) {
			if t := &p.Steps[at]; t.Call == step.Call && t.Origin == step.Origin && t.Sentence == step.Sentence {
				return p.Text(at)
			}
		}
	}
	return ""
}
