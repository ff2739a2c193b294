package plan

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// start is the part between the creation of the container and its program: hooks, and the wait for `rt start`.
type start struct{ *compiler }

// runHooks has rt run the hooks that come before the change of the root (config.md#posix-platform-hooks): prestart and
// createRuntime in rt's namespaces, createContainer in the container's, in the directory of its root file system, which
// the boot process passes.
func (c start) runHooks() error {
	h := c.spec.OCI.Hooks
	if h == nil {
		return nil
	}
	does := hookSentences("prestart", h.Prestart) //nolint:staticcheck // deprecated, and used by Docker
	does = append(does, hookSentences("createRuntime", h.CreateRuntime)...)
	if len(does) > 0 {
		c.report("hooks", "ask rt to run the hooks", nsenter.Nowhere).sync(SyncHooks, does...)
		c.await("wait until the hooks have run")
	}
	if len(h.CreateContainer) > 0 {
		c.passToRt("hooks.createContainer", "the root file system", regRoot).
			sync(SyncCreateContainer, hookSentences("createContainer", h.CreateContainer)...)
		c.await("wait until the hooks have run")
	}
	return nil
}

// hookSentences returns which hooks of a list rt runs, in words.
func hookSentences(kind string, hooks []specs.Hook) []string {
	var does []string
	for i := range hooks {
		does = append(does, "run hooks."+kind+"["+strconv.Itoa(i)+"] "+hooks[i].Path)
	}
	return does
}

// awaitStart reports that the container is created, and waits for the start on the socket in the state directory. From
// then on the connection replaces the control channel, so that `rt start` learns what fails.
func (c start) awaitStart() error {
	does := []string{"save the state"}
	if l := c.spec.OCI.Linux; l != nil && l.IntelRdt != nil {
		does = append([]string{"assign the process to the resctrl group of linux.intelRdt"}, does...)
	}
	if c.spec.Process == nil {
		does = append(does, "refuse to start: the config has no process")
	}
	c.report("", "report that the container is created", nsenter.Nowhere).sync(SyncReady, does...)
	if c.opt.Wait {
		start, _ := c.findFile(func(f *File) bool { return f.Kind == FileStart })
		c.call("", "wait for `rt start`", nsenter.Accept4, nsenter.Num(start), nsenter.Null, nsenter.Null,
			nsenter.Imm(0)).into(regSocket)
		c.call("", "use it as the control channel", nsenter.Dup3, nsenter.Val(regSocket), nsenter.Num(c.plan.Ctl),
			nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC))
		c.call("", "", nsenter.Close, nsenter.Val(regSocket))
		c.call("", "", nsenter.Close, nsenter.Num(start))
	}
	c.await("wait until rt starts the program")
	if h := c.spec.OCI.Hooks; h != nil && len(h.StartContainer) > 0 {
		c.report("hooks.startContainer", "ask rt to run the hooks", nsenter.Nowhere).
			sync(SyncStartContainer, hookSentences("startContainer", h.StartContainer)...)
		c.await("wait until the hooks have run")
	}
	return nil
}
