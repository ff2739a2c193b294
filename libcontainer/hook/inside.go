package hook

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// insideStarter starts hooks in namespaces of a process, with the root directory of the host.
type insideStarter struct {
	pid         int
	directory   int             // the working directory of hooks: the root of the root file system, or the bundle
	namespaces  spec.Namespaces // those to join; the other namespaces are those of rt
	dir         string          // for the boot image, if a memfd can't be executed
	interrupted func() error    // returns an error to cancel the start; nil for a hook that can't be cancelled
}

// start is the Start of hooks.Options. It returns after the execve(2) of the hook.
func (s insideStarter) start(argv0 string, argv, env []string, files []uintptr) (int, error) {
	pidfd, err := unix.PidfdOpen(s.pid, 0)
	if err != nil {
		return 0, diag.Sys("the container's process can't be opened", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	ignored, blocked := foreground.Inherited()
	program, err := plan.HookProgram(s.namespaces.New|joinedTypes(s.namespaces), argv0, argv, env, ignored, blocked)
	if err != nil {
		return 0, err
	}
	image, err := nsenter.Assemble(program)
	if err != nil {
		return 0, err
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-hook"}, Files: append(slices.Clip(files), uintptr(pidfd),
			uintptr(s.directory)), CgroupFD: -1, Dir: s.dir,
	})
	if err != nil {
		return 0, err
	}
	hook := supervise.Session{
		Boot: boot, Image: image, Steps: program.Steps, Interrupted: s.interrupted,
		Handlers: supervise.Handlers{plan.SyncCloned: func(supervise.Report) error { return nil }},
	}
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

// joinedTypes returns the types of namespaces that are joined by path.
func joinedTypes(n spec.Namespaces) (flags uintptr) {
	for _, j := range n.Join {
		flags |= j.Flag
	}
	return flags
}
