package libcontainer

import (
	"rt/libcontainer/checkpoint"
	"rt/libcontainer/engine"
	"rt/libcontainer/state"
)

// RestoreOptions are the options of Restore. Of CreateOptions it uses Bundle, ConsoleSocket, PidfdSocket and PidFile.
type RestoreOptions struct {
	RunOptions
	ImageOptions
	ParentPath      string // as for checkpoint
	LSMProfile      string // "TYPE:NAME": the label of the processes, instead of their dumped one
	LSMMountContext string // the context= of mounts, instead of their dumped one
}

// Restore makes a container of images that Checkpoint has made, and in the foreground waits for its end as Run does,
// and returns its exit status.
func (r *Runtime) restore(id string, o *RestoreOptions) (int, error) {
	if err := state.CheckID(id); err != nil {
		return 0, err
	}
	m, err := r.newMaker(id, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	defer m.close()
	if err := engine.CheckConsole(m.spec.Process, o.ConsoleSocket, o.Detach); err != nil {
		return 0, err
	}
	if o.NoPivot {
		r.warn("--no-pivot has no effect on restore: CRIU changes the root by itself")
	}
	// Restored processes have their directory of the notify socket, but have long told that they are ready.
	m.options.Notify = ""
	bundle := m.restoreBundle()
	restore, err := checkpoint.NewRestore(bundle, &checkpoint.RestoreOptions{
		ImageOptions: o.ImageOptions, ParentPath: o.ParentPath,
		LSMProfile: o.LSMProfile, LSMMountContext: o.LSMMountContext,
	})
	if err != nil {
		return 0, err
	}
	defer restore.Close()
	if err := m.nameKeyring(); err != nil {
		return 0, err
	}
	if err := m.prepareToAttend(&o.RunOptions); err != nil {
		return 0, err
	}
	if o.Detach {
		defer r.catchEnd()()
	}
	if err := m.restore(bundle, restore); err != nil {
		m.undo.Run()
		return 0, err
	}
	if o.Detach {
		return 0, nil
	}
	return m.foreground(&o.RunOptions)
}

// restoreBundle returns what images are restored into. Its Dir is missing until the container is made.
func (m *maker) restoreBundle() *checkpoint.Bundle {
	return &checkpoint.Bundle{
		Spec: m.spec, Cgroup: m.cgroup, Facts: &m.facts, Sources: m.options.Sources,
		Log: checkpoint.Log{Debug: m.r.debug, Warn: m.r.warn},
		On: checkpoint.Handlers{
			Attach: m.attach, Hooks: m.runRestoreHooks, Terminal: m.console.Take, Restored: m.recordRestored,
		},
	}
}

// restore makes the container and restores its processes. After an error the undo stack removes the rest of it.
func (m *maker) restore(bundle *checkpoint.Bundle, restore *checkpoint.Restore) (err error) {
	if err := m.record(); err != nil {
		return err
	}
	bundle.Dir = m.container
	if err := m.container.MakeNotify(); err != nil {
		return err
	}
	if err := m.makeGroups(); err != nil {
		return err
	}
	if err := m.cgroup.Limit(); err != nil {
		return err
	}
	if err := m.container.SaveConfig(m.spec.Raw); err != nil {
		return err
	}
	if m.pid, err = restore.Run(); err != nil {
		m.state.Pid = 0
		return err
	}
	err = m.created()
	if err == nil {
		err = m.cgroup.ForbidForks()
	}
	if err != nil {
		restore.End()
		m.pid, m.state.Pid = 0, 0
	}
	return err
}

// runRestoreHooks runs the hooks whose effects end with the container: those of the runtime's namespaces, which set up
// networks. What createContainer and startContainer have done is in the images, and the program does not start.
func (m *maker) runRestoreHooks(pid int) error {
	if m.spec.OCI.Hooks == nil {
		return nil
	}
	m.pid = pid
	defer func() { m.state.Pid = 0 }()
	return m.runHostHooks()
}

// recordRestored puts the container's first process into the class of linux.intelRdt, and records it for `rt delete
// --force`. The container is still in creation: a signal of `rt kill` while CRIU holds the processes would make CRIU
// wait for ever.
func (m *maker) recordRestored(pid int) error {
	m.pid = pid
	if err := m.joinRdt(pid); err != nil {
		return err
	}
	if err := m.lookAtStart(); err != nil {
		return err
	}
	m.state.Pid = pid
	return m.container.Save(&m.state)
}
