package libcontainer

import (
	"errors"
	"math"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/hooks"
	"rt/internal/diag"
	"rt/libcontainer/foreground"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// runHostHooks runs the hooks whose time is when the mounts are made and the root is not changed yet, and that run in
// the runtime's namespaces.
func (m *maker) runHostHooks() error {
	m.poststop.Run = m.runPoststop
	m.state.Pid = m.pid
	text := state.AppendHook(nil, &m.state, state.Creating)
	h := m.spec.OCI.Hooks
	if err := m.r.runHooks("prestart", h.Prestart, text, m.spec, hooks.Options{}); err != nil { //nolint:staticcheck // deprecated, and used by Docker
		return err
	}
	return m.r.runHooks("createRuntime", h.CreateRuntime, text, m.spec, hooks.Options{})
}

// runCreateContainerHooks runs those of the same time that run in the container's namespaces, with the host's root, in
// the directory of the root file system.
func (m *maker) runCreateContainerHooks(r supervise.Report) error {
	defer func() { _ = unix.Close(r.FD) }()
	m.poststop.Run = m.runPoststop
	m.state.Pid = m.pid
	text := state.AppendHook(nil, &m.state, state.Creating)
	inside := insideStarter{pid: m.pid, namespaces: m.spec.Namespaces, rootfs: r.FD, dir: m.container.Path(".")}
	return m.r.runHooks("createContainer", m.spec.OCI.Hooks.CreateContainer, text, m.spec,
		hooks.Options{Start: inside.start})
}

// runPoststart runs the hooks that follow the start of the user's program. A failure ends the container
// (runtime.md#lifecycle).
func (r *Runtime) runPoststart(config *spec.Spec, s *state.State) error {
	if h := config.OCI.Hooks; h != nil {
		return r.runHooks("poststart", h.Poststart, state.AppendHook(nil, s, state.Running), config, hooks.Options{})
	}
	return nil
}

// runPoststop runs the hooks that follow the end of the container. The spec wants only warnings for their failures.
func (m *maker) runPoststop() { runPoststop(m.r, m.spec, &m.state) }

func runPoststop(r *Runtime, config *spec.Spec, st *state.State) {
	h := config.OCI.Hooks
	if h == nil || len(h.Poststop) == 0 {
		return
	}
	after := *st
	after.Pid = 0
	if err := r.runHooks("poststop", h.Poststop, state.AppendHook(nil, &after, state.Stopped), config,
		hooks.Options{All: true}); err != nil {
		r.warn(err.Error())
	}
}

// runHooks runs a list of hooks with what is common to all of them.
func (r *Runtime) runHooks(kind string, list []specs.Hook, text []byte, config *spec.Spec, o hooks.Options) error {
	if len(list) == 0 {
		return nil
	}
	if r.Command {
		// What rt's caller has left open is not for the host's hooks to inherit either. Without Command the descriptors
		// are not rt's to change, and a boot process closes what the hook would inherit.
		_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	}
	o.Dir, o.Interrupted = config.Bundle, func() bool { return r.interrupted() != nil }
	if !r.Command && o.Env == nil {
		o.Env = []string{} // nil would be the environment of the caller
	}
	if kind == "poststop" { // a call that was cancelled still undoes what it has done
		o.Interrupted = func() bool { return r.Command && foreground.TakeEnd() }
	}
	files, err := hookFiles(config.OCI.Annotations)
	if err != nil {
		return err
	}
	defer files.close()
	o.Copies = &hooks.Copies{Stdout: files.stdout, Stderr: files.stderr}
	if ignored, blocked := foreground.Inherited(); o.Start == nil && (ignored|blocked != 0 || !r.Command) {
		// What rt's caller ignores or blocks outlives execve(2), and fork and exec of Go's leave it so. A boot process
		// takes it back.
		dir, err := unix.Open(o.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return diag.Sys("the bundle "+o.Dir+", in which hooks run, can't be opened", "open", err)
		}
		defer func() { _ = unix.Close(dir) }()
		o.Start = insideStarter{pid: unix.Getpid(), rootfs: dir}.start
	}
	return hooks.Run(kind, list, text, o)
}

// insideStarter starts hooks inside the namespaces of a process, with the host's root; without namespaces, in those of
// rt.
type insideStarter struct {
	pid        int
	rootfs     int // the directory that hooks run in: of the root file system, or the bundle
	namespaces spec.Namespaces
	dir        string // for the boot image, where a memfd can't be executed
}

// start is the Start of hooks.Options. It returns when the hook has been executed, or has failed to be.
func (s insideStarter) start(argv0 string, argv, env []string, files []uintptr) (int, error) {
	pidfd, err := unix.PidfdOpen(s.pid, 0)
	if err != nil {
		return 0, diag.Sys("the container's process can't be opened", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	ignored, blocked := foreground.Inherited()
	program, err := plan.Inside(s.namespaces.New|joined(s.namespaces), argv0, argv, env, ignored, blocked)
	if err != nil {
		return 0, err
	}
	image, err := nsenter.Assemble(program)
	if err != nil {
		return 0, err
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-hook"}, Files: append(slices.Clip(files), uintptr(pidfd),
			uintptr(s.rootfs)), CgroupFD: -1, Dir: s.dir,
	})
	if err != nil {
		return 0, err
	}
	hook := supervise.Session{Boot: boot, Steps: program.Steps,
		On: supervise.Handlers{plan.SyncBorn: func(supervise.Report) error { return nil }}}
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
		e.Step = int(f.Step.Number)
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
