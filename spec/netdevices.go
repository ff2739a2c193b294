package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// netDevices checks linux.netDevices (config-linux.md, Network Devices).
func (c *checker) netDevices(devices map[string]specs.LinuxNetDevice, s *Spec) {
	at := locationOf("linux.netDevices")
	if len(devices) == 0 {
		return
	}
	c.requireNamespace(at, unix.CLONE_NEWNET, s, "the devices are where they should be moved to")
	taken := make(map[string]string)
	for _, host := range sorted(devices) {
		one := at.Key(host)
		if !interfaceName(host) {
			c.bad(one, "", "is no name of a network device: at most 15 bytes without '/', ':' and white space")
		}
		name := devices[host].Name
		if name == "" {
			name = host
		} else if template := strings.Replace(name, "%d", "0", 1); !interfaceName(template) ||
			strings.Contains(template, "%") {
			c.bad(one.Dot("name"), name,
				"must be at most 15 bytes without '/', ':', white space and '%', except for one %d")
		}
		if other, ok := taken[name]; ok && !strings.Contains(name, "%d") {
			c.bad(one.Dot("name"), name, "is the name that "+at.Key(other).String()+" gets")
		}
		taken[name] = host
	}
}

// interfaceName reports whether the kernel takes s: dev_valid_name() in net/core/dev.c.
func interfaceName(s string) bool {
	return s != "" && len(s) < unix.IFNAMSIZ && s != "." && s != ".." && !strings.ContainsAny(s, "/: \t\n\v\f\r")
}
