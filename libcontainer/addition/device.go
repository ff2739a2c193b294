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

// Device is a device for AddDevice.
type Device struct {
	Path        string // of the node on the host
	Destination string // in the container; "" is Path
	Access      string // the permitted access: "r" (read), "w" (write) and "m" (mknod); "" is "rwm"
}

// deviceOptions are the mount options of all device nodes of the host that rt mounts in containers. With "ro" the
// container can still write to the device, but not change the mode and owner of the node.
var deviceOptions = []string{"bind", "ro", "nosuid", "noexec"}

// AddDevice adds a device to the container: a rule of its cgroup that allows the access, and a bind mount of the host's
// node. Nodes that are created in a user namespace can't be opened (user_namespaces(7)).
//
// rt records the device, then sets the rule, then attaches the node: RemoveDevice removes what a killed rt leaves. If
// the node can't be attached, the rule is removed too: with CAP_MKNOD the container could create a node itself.
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
		return nameFields(err)
	}
	allowed := false
	w.device = rule
	w.allow = func() error {
		allowed = true
		return c.allowDevices(g, c.State.Added)
	}
	err = w.attach("rt-device")
	if err != nil && allowed {
		if undo := c.allowDevices(g, c.State.Added); undo != nil {
			err = addRuleError(err, rule, undo)
		}
	}
	return nameFields(err)
}

// addRuleError adds to err, about a device that could not be added, that undo has left its rule in the cgroup.
func addRuleError(err error, rule string, undo error) error {
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

// RemoveDevice removes a device that AddDevice has added: first the node, then the rule. Processes that have the device
// open can still use it afterwards. The rule is removed even if the container has unmounted the node.
func (c *Container) RemoveDevice(destination string, g *cgroup.Group) error {
	return nameFields(c.remove("rt-device", destination, true, func(rest []state.Added) error {
		return c.allowDevices(g, rest)
	}))
}

// ruleOf returns the device rule for a device of the host, in the form of devices.allow.
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

// numberOf returns the type and the number of the device that a descriptor refers to, in the form of devices.allow:
// "c 1:3". It returns "" for another file.
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

// checkNode returns an error if the node that will be attached is not the device of the rule. rt has looked up the path
// twice, and in between a user who can write to one of its directories may have replaced the device.
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

// allowDevices sets the device rules of the cgroup: those of the config, and those of the devices among added. A
// container without a cgroup of its own has no device rules, and can access all devices.
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

// Rules returns the device rules of the devices among added. In state.json each is text.
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
