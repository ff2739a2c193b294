package creation

import (
	"golang.org/x/sys/unix"

	"rt/internal/undo"
	"rt/libcontainer/caller"
	"rt/libcontainer/hook"
	"rt/libcontainer/supervise"
)

// hooks run the hooks of the container.
type hooks struct {
	caller   *caller.Caller
	settings *Settings
	in       *compilation
	record   *record
	poststop *undo.Entry // runs the poststop hooks, once other hooks have run
}

// now returns the hooks with the state that the container has now.
func (h *hooks) now() *hook.Hooks {
	return &hook.Hooks{
		Spec: h.in.spec, State: &h.record.state, Dir: h.record.dir, Caller: h.caller, Resctrl: h.settings.Resctrl,
	}
}

// runOnHost runs prestart and createRuntime. From then on a failure runs poststop.
func (h *hooks) runOnHost() error {
	h.poststop.Run = h.now().RunPoststop
	return h.now().RunCreateRuntime()
}

// runCreateContainer runs createContainer.
func (h *hooks) runCreateContainer(r supervise.Report) error {
	defer func() { _ = unix.Close(r.FD) }()
	h.poststop.Run = h.now().RunPoststop
	return h.now().RunCreateContainer(r.FD)
}
