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
	"rt/spec"
)

// Property is one property of a running container, compared with its config.
//
//	Subject   what it is about: "mounts"
//	Name      which one: "/proc"
//	Actual    its value in the kernel: "proc rw,relatime"
//	Expected  the value that the config requires; "" if it requires none
//	Field     the property of config.json; "" if there is none
//	Finding   a clause that says how Actual differs; "" if it does not
//
// The container can choose parts of Name and Actual: escape them before you print them.
type Property = audit.Property

// Audit reads the properties of a running container from the kernel, and compares them with its config. A property that
// differs has a Finding. pid is the container's init.
func (c *Container) Audit(ctx context.Context) (pid int, properties []Property, err error) {
	caller, err := c.begin(ctx)
	if err != nil {
		return 0, nil, err
	}
	o, err := c.openFor(caller, state.Audit, false)
	if err != nil {
		return 0, nil, err
	}
	defer o.close()
	pidfd, err := o.openInit(state.Audit)
	if err != nil {
		return 0, nil, err
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
	addDeviceRules(t.Spec, o.state)
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
		err = state.Allow(state.Audit, c.ID, state.Stopped) // another process may have had the pid meanwhile
	}
	return t.Pid, properties, err
}

// addDeviceRules adds the rules of devices that were added to the running container to its config.
func addDeviceRules(config *spec.Spec, s *state.State) {
	rules := addition.Rules(s.Added)
	if len(rules) == 0 || config.OCI.Linux == nil {
		return
	}
	linux, resources := *config.OCI.Linux, specs.LinuxResources{}
	if linux.Resources != nil {
		resources = *linux.Resources
	}
	resources.Devices = addition.DeviceRules(&linux, rules)
	linux.Resources, config.OCI.Linux = &resources, &linux
}
