package libcontainer

import (
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/internal/undo"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/engine"
	"rt/libcontainer/host"
	"rt/libcontainer/idmap"
	"rt/libcontainer/inspect"
	"rt/libcontainer/listener"
	"rt/libcontainer/netdevice"
	"rt/libcontainer/notify"
	"rt/libcontainer/overlay"
	"rt/libcontainer/plan"
	"rt/libcontainer/rdt"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// maker makes one container: what create and run have in common. Its methods are called in the order of the file, and
// push on undo what takes back what they did.
type maker struct {
	r    *Runtime
	id   string
	o    *CreateOptions
	wait bool // for `rt start`

	spec    *spec.Spec
	facts   host.Facts
	cgroup  *cgroup.Group
	attach  func(pid int) error // puts a process into it
	rdt     *rdt.Group          // nil without linux.intelRdt
	options plan.Options
	plan    *plan.Plan

	root      *state.Root
	container *state.Container
	state     state.State
	session   *supervise.Session
	undo      undo.Stack
	pid       int // of the container's process, once it is there
	console   engine.Console
	streams   streams
	networks  *netdevice.Namespaces // once linux.netDevices were moved; nil before
	rootfs    *rootfs.Server
	relay     *notify.Relay      // of sd_notify(3); nil without NOTIFY_SOCKET
	observer  *listener.Observer // answers the calls of a container whose calls are observed
	overlay   *overlay.Dir       // the directory of --overlay; nil without one
	poststop  *undo.Entry        // runs the poststop hooks, once others have run
}

// newMaker reads the bundle and looks at the host. It changes nothing.
func (r *Runtime) newMaker(id string, o *CreateOptions, wait bool) (*maker, error) {
	m := &maker{r: r, id: id, o: o, wait: wait, console: engine.NewConsole(o.ConsoleSocket, [3]int{}),
		streams: streams{null: -1}}
	bundle, err := filepath.Abs(o.Bundle)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--bundle", Value: o.Bundle, Err: err}
	}
	if m.spec, err = loadConfig(bundle, o.config); err != nil {
		return nil, err
	}
	r.warn(m.spec.Warnings...)
	m.facts = host.Probe()
	if err := m.findCgroup(); err != nil {
		return nil, err
	}
	if m.streams, err = openStreams(o.Stdin, o.Stdout, o.Stderr, o.PreserveFDs, o.ExtraFiles); err != nil {
		return nil, err
	}
	m.console = engine.NewConsole(o.ConsoleSocket, m.streams.std)
	return m, located(m.spec, m.look())
}

// look reads what the plan depends on and the config does not say.
func (m *maker) look() error {
	options, warnings, err := inspect.Create(m.spec, &m.facts, &inspect.Request{
		ID: m.id, Wait: m.wait, NoPivot: m.o.NoPivot, NoNewKeyring: m.o.NoNewKeyring, PreserveFDs: m.o.PreserveFDs, ExtraFiles: len(m.o.ExtraFiles),
		Streams: m.streams.std, ServiceManager: m.r.Command,
		Layer:   inspect.LayerRequest{Ephemeral: m.o.Ephemeral, Size: m.o.EphemeralSize, Overlay: m.o.Overlay},
		Observe: m.o.Observe != nil, Trace: m.o.Trace != nil,
	})
	if err != nil {
		return err
	}
	m.r.warn(warnings...)
	m.options = *options
	m.streams.preserved = m.options.PreserveFDs - len(m.o.ExtraFiles) // with those of LISTEN_FDS
	m.options.SetgroupsDeny = idmap.DenySetgroups(m.spec, &m.facts)
	return m.lookForNotify()
}

// compile compiles the plan.
func (m *maker) compile() (*plan.Plan, error) {
	if m.cgroup.Available() {
		for _, h := range m.facts.Hierarchies {
			switch {
			case m.r.SystemdCgroup, plan.JoinsCgroupFirst(m.spec, &m.facts):
				m.options.CgroupAttach = true
			case h.V2:
				m.options.CgroupFD = true
			default:
				m.options.CgroupJoins = append(m.options.CgroupJoins, h.Path+"/tasks")
			}
		}
	}
	m.options.ProcPidNS = plan.AsksForPidNS(m.spec) && host.ProcPidNS()
	var err error
	m.plan, err = plan.Compile(m.spec, &m.facts, &m.options)
	if err == nil {
		m.r.warn(m.plan.Warnings...)
		if m.r.edit != nil {
			m.r.edit(m.plan)
		}
	}
	return m.plan, located(m.spec, err)
}

// record makes the state directory: from here on the container exists, and `rt delete --force` removes all that
// follows.
func (m *maker) record() (err error) {
	if err := m.findRdt(); err != nil {
		return err
	}
	if m.root, err = m.r.root(true); err != nil {
		return err
	}
	if l := m.options.Layer; l != nil && l.Dir != "" {
		if m.overlay, err = overlay.Take(l.Dir, m.o.Overlay); err != nil {
			return err
		}
		m.undo.Push(m.overlay.Undo)
	}
	if m.container, err = m.root.Create(m.id); err != nil {
		return err
	}
	m.undo.Push(func() { m.warnOf(m.container.Remove()) })
	if m.options.Notify != "" {
		if err := m.makeNotify(); err != nil {
			return err
		}
	}
	m.state = state.State{
		OCIVersion: m.spec.OCI.Version, ID: m.id, Bundle: m.spec.Bundle, Rootfs: m.spec.Rootfs, Owner: m.facts.EUID,
		Created: time.Now().UTC(), Annotations: m.spec.OCI.Annotations, Phase: state.Creating,
		Cgroup: state.Cgroup(m.cgroup.Saved()),
	}
	m.state.Terminal = m.spec.Process != nil && m.spec.Process.Terminal
	m.state.NoNewKeyring, m.state.Keyring = m.o.NoNewKeyring, m.options.Keyring
	if m.rdt != nil {
		m.state.IntelRdt = state.IntelRdt(m.rdt.Made)
	}
	return m.container.Save(&m.state)
}

// begin makes the cgroup and starts the boot process.
func (m *maker) begin() error {
	if err := m.makeGroups(); err != nil {
		return err
	}
	if h := m.cgroup.Hierarchies(); len(h) != len(m.facts.Hierarchies) {
		// An rt without rights may find only now that it gets no cgroup, or not all of them; then the plan must not
		// count on those.
		m.options.CgroupFD, m.options.CgroupJoins, m.options.CgroupAttach = false, nil, false
		m.facts.Hierarchies = h
		said := len(m.r.warnings)
		if _, err := m.compile(); err != nil {
			return err
		}
		m.r.warnings = m.r.warnings[:said] // once is enough
	}
	image, err := nsenter.Assemble(&m.plan.Program)
	if err != nil {
		return &diag.Error{Kind: diag.Document, Problem: "the config can't be made into a boot image", Err: err}
	}
	files, err := m.openFiles()
	defer sys.CloseAll(files...)
	if err != nil {
		return err
	}
	o := nsenter.SpawnOptions{
		Argv: []string{plan.BootName, m.id}, Files: m.streams.files(files), CloneFlags: m.plan.CloneFlags, CgroupFD: -1,
		Dir: m.container.Path("."),
	}
	if m.plan.IntoCgroup {
		if o.CgroupFD, err = m.cgroup.Dir(); err != nil {
			return err
		}
	}
	if !m.limitMeanwhile() {
		if err := m.cgroup.Limit(); err != nil {
			return err
		}
	}
	boot, err := nsenter.Spawn(image, &o)
	if err != nil {
		return m.spawnError(err)
	}
	m.r.debug("started the boot process " + strconv.Itoa(boot.Pid))
	m.supervise(boot)
	return nil
}

// makeGroups makes the cgroup and the class of linux.intelRdt. What is in the cgroup is the container.
func (m *maker) makeGroups() error {
	m.poststop = m.undo.Push(nil) // after the end of all that the container has
	if err := m.cgroup.Create(); err != nil {
		return err
	}
	m.undo.Push(m.removeGroup)
	if !m.cgroup.Available() && !m.r.SystemdCgroup && !m.r.NoCgroup && !m.r.rootless(&m.facts) {
		m.r.warn("the container has no cgroup of its own: none can be made in " + plan.HostCgroup2 +
			", and the config asks for none; so no device rules hold, and there are no statistics")
	}
	return m.makeRdt()
}

// removeGroup removes the cgroup, with all that is in it.
func (m *maker) removeGroup() {
	if m.cgroup.Available() {
		_ = m.cgroup.Kill(unix.SIGKILL)
		m.warnOf(m.cgroup.Destroy())
		m.cgroup.Undo()
	}
}

// warnOf makes a warning of what went wrong while something was taken back.
func (m *maker) warnOf(err error) {
	if err != nil {
		m.r.warn(err.Error())
	}
}

// meanwhile does what need not wait for the boot process, nor the boot process for it, while that is at work: on
// another processor it costs no time.
func (m *maker) meanwhile() error {
	if m.limitMeanwhile() {
		if err := m.cgroup.Limit(); err != nil {
			return err
		}
	}
	if err := m.container.SaveConfig(m.spec.Raw); err != nil {
		return err
	}
	if m.pid > 0 {
		return m.lookAtStart()
	}
	return nil
}

// limitMeanwhile reports whether the limits can be set while the boot process works in the cgroup. They can't next to
// v1 hierarchies, even if it is cloned into a cgroup2: the device rules of v1 are written one by one, and the first
// denies everything.
func (m *maker) limitMeanwhile() bool {
	return m.plan.IntoCgroup && m.facts.CgroupMode == host.CgroupV2
}

// lookAtStart finds out when the container's process was started, which stays what it is however often the process
// executes something else.
func (m *maker) lookAtStart() (err error) {
	if m.state.StartTime, err = state.StartTime(m.pid); err != nil {
		return diag.Sys("the start time of the container's process can't be read", "read", err)
	}
	return nil
}

// spawnError says more of a boot process that could not be started.
func (m *maker) spawnError(err error) error {
	if e, ok := err.(*diag.Error); ok { //nolint:errorlint // made by Spawn
		if e.Errno == unix.EPERM && m.facts.EUID != 0 {
			e.Field = "linux.namespaces"
			e.Hint = "without root's rights namespaces need a new user namespace: add one, as `rt spec --rootless` does"
		}
	}
	return err
}

// nameKeyring names the container's session keyring.
func (m *maker) nameKeyring() (err error) {
	if !m.o.NoNewKeyring {
		m.options.Keyring, err = inspect.KeyringName(m.id)
	}
	return err
}

// make carries the plan out up to the point where the container is created. On an error nothing is left.
func (m *maker) make() error {
	if err := m.nameKeyring(); err != nil {
		return err
	}
	if _, err := m.compile(); err != nil {
		return err
	}
	err := m.record()
	if err == nil {
		err = m.begin()
	}
	if err == nil {
		err = m.meanwhile()
	}
	if err == nil {
		err = m.serve(plan.SyncReady)
	}
	if err == nil {
		err = m.cgroup.ForbidForks()
	}
	if err == nil {
		err = m.joinRdt(m.pid)
	}
	if err == nil {
		err = m.created()
	}
	if err != nil {
		m.undo.Run()
	}
	return err
}

// created records that the container is created, and tells whom it concerns.
func (m *maker) created() error {
	if m.state.StartTime == 0 {
		if err := m.lookAtStart(); err != nil {
			return err
		}
	}
	m.state.Pid, m.state.Phase = m.pid, state.Created
	m.r.pid = m.pid
	m.state.Cgroup = state.Cgroup(m.cgroup.Saved()) // without rights it has turned out that there is none
	if m.wait {
		ready := slices.IndexFunc(m.plan.Steps, func(s nsenter.Step) bool { return plan.SyncPointOf(&s) == plan.SyncReady })
		if err := m.container.SaveSteps(supervise.FormatSteps(m.plan.Steps, ready+1)); err != nil {
			return err
		}
	}
	if err := m.container.Save(&m.state); err != nil {
		return err
	}
	if m.overlay != nil {
		if err := m.overlay.Record(m.id, m.pid, m.state.StartTime); err != nil {
			return err
		}
	}
	socket := m.o.PidfdSocket
	if socket == "" {
		socket = m.spec.OCI.Annotations[plan.PidfdAnnotation]
	}
	return engine.Tell(m.pid, socket, m.o.PidFile)
}

// Create makes a container that waits for Start. On an error nothing is left of it.
func (r *Runtime) create(id string, o *CreateOptions) error {
	if err := state.CheckID(id); err != nil {
		return err
	}
	m, err := r.newMaker(id, o, true)
	if err != nil {
		return err
	}
	defer m.close()
	if err := engine.CheckConsole(m.spec.Process, o.ConsoleSocket, true); err != nil {
		return err
	}
	if err := m.checkObserve(true); err != nil {
		return err
	}
	defer r.catchEnd()()
	if err := m.make(); err != nil {
		return err
	}
	if err := m.r.interrupted(); err != nil {
		m.undo.Run()
		return err
	}
	return nil
}
