package addition

import (
	"errors"
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
//
// The device is recorded first, then it is allowed, and then its node is attached: what a killed rt leaves has a
// record, and RemoveDevice removes it. If the node can't be attached, the rule is removed too: with CAP_MKNOD the
// container could make a node itself.
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
	allowed := false
	w.device = rule
	w.allow = func() error {
		allowed = true
		return c.allowDevices(g, c.State.Added)
	}
	err = w.attach("rt-device")
	if err != nil && allowed {
		err = stillAllowed(err, rule, c.allowDevices(g, c.State.Added))
	}
	return named(err)
}

// stillAllowed adds to the error about a device that could not be added that its rule could not be removed, if undo is
// not nil.
func stillAllowed(err error, rule string, undo error) error {
	if undo == nil {
		return err
	}
	more := &diag.Error{
		Kind: diag.Host, Problem: "the rule " + strconv.Quote(rule) + " can't be removed from the cgroup", Err: undo,
		Hint: "rt update with the device rules of the config replaces it",
	}
	e, ok := err.(*diag.Error) //nolint:errorlint // it is not wrapped: a further problem is added to it
	if !ok {
		return errors.Join(err, more)
	}
	e.More = append(e.More, more)
	return e
}

// RemoveDevice removes a device that AddDevice has added. The rule goes after the node: in between a process that has
// the device open keeps it, as it does afterwards. It goes too if the container has unmounted the node itself.
func (c *Container) RemoveDevice(destination string, g *cgroup.Group) error {
	return named(c.remove("rt-device", destination, true, func(rest []state.Added) error {
		return c.allowDevices(g, rest)
	}))
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
	number, err := numberOf(fd)
	switch {
	case err != nil:
		return "", diag.Sys("the device can't be examined", "statx", err).At("path", d.Path)
	case number == "":
		return refused("path", d.Path, "is no device: rt mount adds files and directories")
	}
	return number + " " + access, nil
}

// numberOf returns the type and the number of the device that a descriptor refers to, as devices.allow has them: "c
// 1:3"; "" if it is no device.
func numberOf(fd int) (string, error) {
	st, err := sys.StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE)
	number := strconv.Itoa(int(st.Rdev_major)) + ":" + strconv.Itoa(int(st.Rdev_minor))
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFCHR:
		return "c " + number, err
	case unix.S_IFBLK:
		return "b " + number, err
	}
	return "", err
}

// checkNode compares the node that will be attached with the rule that rt has made of the same path before: whoever can
// write to a directory of the path may have replaced the device in between.
func (w *work) checkNode(fd int) error {
	number, err := numberOf(fd)
	if err != nil {
		return diag.Sys("the device can't be examined", "statx", err).At("path", w.spec.Mounts[0].Source)
	}
	if allowed := w.device[:strings.LastIndexByte(w.device, ' ')]; number != allowed {
		return &diag.Error{
			Kind: diag.Host, Field: "path", Value: w.spec.Mounts[0].Source,
			Problem: "was device " + allowed + ", and has been replaced while rt added it",
		}
	}
	return nil
}

// allowDevices gives the cgroup the rules of the config, and those of the devices among added. A container without a
// cgroup of its own has none, and needs none: no rule keeps it from a device.
func (c *Container) allowDevices(g *cgroup.Group, added []state.Added) error {
	if !g.Available() {
		return nil
	}
	return g.Update(&specs.LinuxResources{Devices: DeviceRules(c.Spec.OCI.Linux, Rules(added))})
}

// DeviceRules returns the device rules of a config, followed by more.
func DeviceRules(config *specs.Linux, more []specs.LinuxDeviceCgroup) []specs.LinuxDeviceCgroup {
	list := []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}} // an empty list would change nothing
	if config != nil && config.Resources != nil {
		list = append(list, config.Resources.Devices...)
	}
	return append(list, more...)
}

// Rules returns the device rules of the devices among what was added. In state.json each is text.
func Rules(added []state.Added) (rules []specs.LinuxDeviceCgroup) {
	for i := range added {
		if rule, ok := parseRule(added[i].Device); ok {
			rules = append(rules, rule)
		}
	}
	return rules
}

// parseRule parses a rule of state.json, which has the form of devices.allow: "c 10:229 rwm".
func parseRule(text string) (rule specs.LinuxDeviceCgroup, ok bool) {
	kind, rest, _ := strings.Cut(text, " ")
	number, access, _ := strings.Cut(rest, " ")
	first, second, _ := strings.Cut(number, ":")
	major, err := strconv.ParseInt(first, 10, 64)
	minor, err2 := strconv.ParseInt(second, 10, 64)
	rule = specs.LinuxDeviceCgroup{Allow: true, Type: kind, Major: &major, Minor: &minor, Access: access}
	return rule, err == nil && err2 == nil
}
