// Package hook runs the hooks of a container, each list in the namespaces and the directory that the specification
// requires (config.md, "POSIX-platform Hooks"). prestart, createRuntime, poststart and poststop hooks run in the
// namespaces of rt, createContainer hooks in the container's namespaces with the root directory of the host, and
// startContainer hooks as processes of the container.
//
// Package hooks, which this one calls, executes a list: order, timeout, standard streams.
package hook

import (
	"math"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/hooks"
	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/caller"
	"rt/libcontainer/foreground"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/state"
	"rt/spec"
)

// Hooks are the hooks of one container.
type Hooks struct {
	Spec  *spec.Spec
	State *state.State // what hooks get on standard input
	Dir   *state.Container
	// Caller receives the warnings. If it is interrupted, a running hook is killed.
	Caller *caller.Caller
	// Resctrl returns the mount point of resctrl, for startContainer hooks of a container with linux.intelRdt.
	Resctrl func() (string, error)
}

// RunCreateRuntime runs prestart and createRuntime: after the mounts are attached, before the root is changed.
func (h *Hooks) RunCreateRuntime() error {
	text, list := state.AppendHook(nil, h.State, state.Creating), h.Spec.OCI.Hooks
	if list == nil {
		return nil
	}
	//nolint:staticcheck // prestart is deprecated, and used by Docker
	if err := h.run("prestart", list.Prestart, text, hooks.Options{}); err != nil {
		return err
	}
	return h.run("createRuntime", list.CreateRuntime, text, hooks.Options{})
}

// RunCreateContainer runs createContainer: at the same time, in the container's namespaces, in the directory rootfs.
func (h *Hooks) RunCreateContainer(rootfs int) error {
	inside := insideStarter{
		pid: h.State.Pid, namespaces: h.Spec.Namespaces, directory: rootfs, dir: h.Dir.Path("."),
		interrupted: h.Caller.Interrupted,
	}
	text := state.AppendHook(nil, h.State, state.Creating)
	return h.run("createContainer", h.Spec.OCI.Hooks.CreateContainer, text, hooks.Options{Start: inside.start})
}

// RunPoststart runs poststart: after the user's program is executed. An error must end the container (runtime.md,
// "Lifecycle").
func (h *Hooks) RunPoststart() error {
	list := h.Spec.OCI.Hooks
	if list == nil {
		return nil
	}
	return h.run("poststart", list.Poststart, state.AppendHook(nil, h.State, state.Running), hooks.Options{})
}

// RunPoststop runs poststop: after the container is removed. The specification requires only warnings for failures.
func (h *Hooks) RunPoststop() {
	list := h.Spec.OCI.Hooks
	if list == nil || len(list.Poststop) == 0 {
		return
	}
	after := *h.State
	after.Pid = 0
	text := state.AppendHook(nil, &after, state.Stopped)
	if err := h.run("poststop", list.Poststop, text, hooks.Options{All: true}); err != nil {
		h.Caller.Warn(err.Error())
	}
}

// run runs a list of hooks. It adds the options that all lists have in common.
func (h *Hooks) run(kind string, list []specs.Hook, text []byte, o hooks.Options) error {
	if len(list) == 0 {
		return nil
	}
	if h.Caller.Command {
		// Hooks on the host must not inherit the descriptors of rt's caller. Without Command rt must not change
		// descriptors: there a boot process closes them.
		_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	}
	o.Dir, o.Interrupted = h.Spec.Bundle, func() bool { return h.Caller.Interrupted() != nil }
	if !h.Caller.Command && o.Env == nil {
		o.Env = []string{} // nil would be the environment of the caller
	}
	if kind == "poststop" { // a cancelled call still undoes its changes
		o.Interrupted = func() bool { return h.Caller.Command && foreground.TakeEnd() }
	}
	files, err := openCopies(h.Spec.OCI.Annotations)
	if err != nil {
		return err
	}
	defer sys.CloseAll(files.Stdout, files.Stderr)
	o.Copies = files
	ignored, blocked := foreground.Inherited()
	served := slices.ContainsFunc(list, func(one specs.Hook) bool { return !hostpath.Answers(one.Path) })
	if o.Start == nil && (served || ignored|blocked != 0 || !h.Caller.Command) {
		// Ignored and blocked signals of rt's caller survive execve(2), and os/exec does not reset them. A boot process
		// does, and rt can abandon it if the hook is on a file system that does not answer.
		dir, err := unix.Open(o.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return diag.Sys("the bundle "+o.Dir+", in which hooks run, can't be opened", "open", err)
		}
		defer func() { _ = unix.Close(dir) }()
		starter := insideStarter{pid: unix.Getpid(), directory: dir}
		if kind != "poststop" {
			starter.interrupted = h.Caller.Interrupted
		}
		o.Start = starter.start
	}
	return hooks.Run(kind, list, text, o)
}
