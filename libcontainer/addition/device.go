package addition

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/state"
)

// Device is a device that is added to a running container.
type Device struct {
	Path        string // of the node on the host
	Destination string // in the container; "" is Path
	Access      string // what the container may do: "r", "w" and "m" (mknod); "" is "rwm"
}

// deviceOptions are those of every node of the host's that rt makes part of a container: the device can be written to,
// its mode and owner can't be changed.
var deviceOptions = []string{"bind", "ro", "nosuid", "noexec"}

// AddDevice adds a device to the container: the rule of its cgroup that allows it, and its node. The node is the
// host's, bound, since a container with a user namespace can have no other.
func (c *Container) AddDevice(d *Device, g *cgroup.Group) error {
	rule, err := ruleOf(d)
	if err != nil {
		return err
	}
	destination := d.Destination
	if destination == "" {
		destination = d.Path
	}
	w, err := c.compileMount(&specs.Mount{
		Destination: destination, Type: "bind", Source: d.Path, Options: deviceOptions,
	})
	if err != nil {
		return named(err)
	}
	before := c.State.Added
	if err := c.allowDevices(g, rule); err != nil {
		return err
	}
	if err := w.attach("rt-device", rule); err != nil {
		c.State.Added = before
		_ = c.allowDevices(g) // the rule alone lets the container reach nothing
		return named(err)
	}
	return nil
}

// RemoveDevice removes a device that AddDevice has added. The rule goes after the node: in between a process that has
// the device open keeps it, as it does afterwards.
func (c *Container) RemoveDevice(destination string, g *cgroup.Group) error {
	if err := c.remove("rt-device", destination, true); err != nil {
		return named(err)
	}
	return c.allowDevices(g)
}

// ruleOf returns the rule for a device of the host's, as devices.allow has it.
func ruleOf(d *Device) (string, error) {
	refused := func(property, value, problem string) (string, error) {
		return "", &diag.Error{Kind: diag.Usage, Field: property, Value: value, Problem: problem}
	}
	if d.Path == "" || d.Path[0] != '/' {
		return refused("path", d.Path, "must be the absolute path of a device of the host")
	}
	access := d.Access
	if access == "" {
		access = "rwm"
	}
	if strings.Trim(access, "rwm") != "" {
		return refused("--access", access, `must be made of "r" (read), "w" (write) and "m" (mknod)`)
	}
	fd, err := hostpath.Open(d.Path, 0)
	if err != nil {
		return "", hostpath.LookUpError("the device can't be used", "openat2", err).At("path", d.Path)
	}
	defer sys.CloseAll(fd)
	var st unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
	if err != nil {
		return "", diag.Sys("the device can't be examined", "statx", err).At("path", d.Path)
	}
	var kind string
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		kind = "c "
	case unix.S_IFBLK:
		kind = "b "
	default:
		return refused("path", d.Path, "is no device: rt mount adds files and directories")
	}
	return kind + strconv.Itoa(int(st.Rdev_major)) + ":" + strconv.Itoa(int(st.Rdev_minor)) + " " + access, nil
}

// allowDevices gives the cgroup the rules of the config, those of the devices that were added, and more. A container
// without a cgroup of its own has none, and needs none: no rule keeps it from a device.
func (c *Container) allowDevices(g *cgroup.Group, more ...string) error {
	if !g.Available() {
		return nil
	}
	rules := append(Rules(c.State.Added), more...)
	return g.Update(&specs.LinuxResources{Devices: DeviceRules(c.Spec.OCI.Linux, rules)})
}

// DeviceRules returns the rules of a config with further ones, in the form of devices.allow, behind them.
func DeviceRules(config *specs.Linux, more []string) []specs.LinuxDeviceCgroup {
	list := []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}} // an empty list would change nothing
	if config != nil && config.Resources != nil {
		list = append(list, config.Resources.Devices...)
	}
	for _, rule := range more {
		kind, rest, _ := strings.Cut(rule, " ")
		number, access, _ := strings.Cut(rest, " ")
		first, second, _ := strings.Cut(number, ":")
		major, err := strconv.ParseInt(first, 10, 64)
		minor, err2 := strconv.ParseInt(second, 10, 64)
		if err == nil && err2 == nil {
			list = append(list, specs.LinuxDeviceCgroup{
				Allow: true, Type: kind, Major: &major, Minor: &minor, Access: access,
			})
		}
	}
	return list
}

// Rules returns the rules of the devices among what was added.
func Rules(added []state.Added) (rules []string) {
	for i := range added {
		if added[i].Device != "" {
			rules = append(rules, added[i].Device)
		}
	}
	return rules
}
