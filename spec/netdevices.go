package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// checkNetDevices checks linux.netDevices (config-linux.md, Network Devices).
func (c linuxChecker) checkNetDevices(devices map[string]specs.LinuxNetDevice) {
	at := locationOf("linux.netDevices")
	if len(devices) == 0 {
		return
	}
	c.requireNamespace(at, unix.CLONE_NEWNET, "the devices are where they should be moved to")
	taken := make(map[string]string)
	for _, host := range sorted(devices) {
		one := at.Key(host)
		if !isInterfaceName(host) {
			c.refuse(one, "", "is no name of a network device: at most 15 bytes without '/', ':' and white space")
		}
		name := devices[host].Name
		if name == "" {
			name = host
		} else if template := strings.Replace(name, "%d", "0", 1); !isInterfaceName(template) ||
			strings.Contains(template, "%") {
			c.refuse(one.Dot("name"), name,
				"must be at most 15 bytes without '/', ':', white space and '%', except for one %d")
		}
		if other, ok := taken[name]; ok && !strings.Contains(name, "%d") {
			c.refuse(one.Dot("name"), name, "is the name that "+at.Key(other).String()+" gets")
		}
		taken[name] = host
	}
}

// isInterfaceName reports whether the kernel accepts s as a name: dev_valid_name() in net/core/dev.c.
func isInterfaceName(s string) bool {
	return s != "" && len(s) < unix.IFNAMSIZ && s != "." && s != ".." && !strings.ContainsAny(s, "/: \t\n\v\f\r")
}
