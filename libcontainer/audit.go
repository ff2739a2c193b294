package libcontainer

import (
	"context"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/addition"
	"rt/libcontainer/audit"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Property is what the kernel has of a container in one respect, and how that differs from its config.
type Property = audit.Property

// Audit reads from the kernel what a running container has, and compares it with its config. A property with a Finding
// differs. pid is the first process. Text of the properties may be of the container's choice: escape it before it is
// printed.
func (c *Container) Audit(ctx context.Context) (pid int, properties []Property, err error) {
	by, err := c.begin(ctx)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.openFor(by, state.Audit, false)
	if err != nil {
		return 0, nil, err
	}
	defer o.close()
	pidfd, err := process.Open(o.state.Pid, o.state.StartTime)
	if err != nil {
		return 0, nil, err
	}
	if pidfd < 0 {
		return 0, nil, state.Allow(state.Audit, c.ID, state.Stopped)
	}
	defer sys.CloseAll(pidfd)
	t := audit.Target{Pid: o.state.Pid}
	if t.Spec, err = o.config(); err != nil {
		return 0, nil, err
	}
	t.StrictPids = strings.HasPrefix(t.Spec.OCI.Version, "1.3.")
	for i := range o.state.Added {
		t.Added = append(t.Added, o.state.Added[i].Destination)
	}
	if rules := addition.Rules(o.state.Added); len(rules) > 0 && t.Spec.OCI.Linux != nil {
		linux, resources := *t.Spec.OCI.Linux, specs.LinuxResources{}
		if linux.Resources != nil {
			resources = *linux.Resources
		}
		resources.Devices = addition.DeviceRules(&linux, rules)
		linux.Resources, t.Spec.OCI.Linux = &resources, &linux
	}
	if t.Group, err = o.loadCgroup(); err != nil {
		return 0, nil, err
	}
	defer t.Group.Close()
	if t.Group.Available() {
		t.Pids, err = t.Group.Pids()
	} else if t.Spec.Namespaces.Has(unix.CLONE_NEWPID) {
		t.Pids, err = process.InPidNamespaceOf(t.Pid)
	}
	if err != nil {
		return 0, nil, err
	}
	slices.Sort(t.Pids)
	if properties, err = audit.Examine(&t); err != nil {
		return t.Pid, properties, err
	}
	alive, err := state.Alive(t.Pid, o.state.StartTime)
	if err == nil && !alive {
		err = state.Allow(state.Audit, c.ID, state.Stopped) // the pid may have been another's meanwhile
	}
	return t.Pid, properties, err
}
