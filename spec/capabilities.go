package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// capabilityNames are the capabilities of capabilities(7) as of Linux 5.9; the index of a name is its number in
// linux/capability.h.
var capabilityNames = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW",
	"CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// CapabilityNames returns the names that process.capabilities may contain, in the order of their numbers.
func CapabilityNames() []string { return capabilityNames }

// CapabilityName returns the name of a capability, or "" if rt knows none with this number.
func CapabilityName(n int) string {
	if n < 0 || n >= len(capabilityNames) {
		return ""
	}
	return capabilityNames[n]
}

// CapabilityNumber returns the number of a capability, and whether rt knows the name.
func CapabilityNumber(name string) (int, bool) {
	for n, known := range capabilityNames {
		if known == name {
			return n, true
		}
	}
	return 0, false
}

// checkCapabilities checks process.capabilities (config.md, Linux Process). What can't be granted is left out with a
// warning, as the specification has it: a name that capabilities(7) doesn't know, and what the kernel would refuse
// whatever the machine: an effective capability that is not permitted (capset(2)), an ambient one that is not both
// permitted and inheritable (PR_CAP_AMBIENT).
//
// Ambient capabilities are for users other than root: execve(2) gives root its permitted set in any case. So an ambient
// capability that root has anyway is no reason for a warning; buildah asks for ambient capabilities without inheritable
// ones in each step of a build.
func (c processChecker) checkCapabilities(at location, oci *specs.LinuxCapabilities, root bool) *Capabilities {
	if oci == nil {
		return nil
	}
	caps := &Capabilities{}
	var unknown []string
	var in map[string][]string // the sets that an unknown name is in
	for _, set := range [...]struct {
		name  string
		names []string
		bits  *uint64
	}{
		{"bounding", oci.Bounding, &caps.Bounding},
		{"effective", oci.Effective, &caps.Effective},
		{"inheritable", oci.Inheritable, &caps.Inheritable},
		{"permitted", oci.Permitted, &caps.Permitted},
		{"ambient", oci.Ambient, &caps.Ambient},
	} {
		for _, name := range set.names {
			if n, ok := CapabilityNumber(name); ok {
				*set.bits |= 1 << n
				continue
			}
			if in == nil {
				in = map[string][]string{}
			}
			if in[name] == nil {
				unknown = append(unknown, name)
			}
			in[name] = append(in[name], set.name)
		}
	}
	for _, name := range unknown {
		text := name + " is no capability and is left out (" + strings.Join(in[name], ", ") + ")"
		near := "CAP_" + strings.ToUpper(name)
		if _, ok := CapabilityNumber(near); !ok {
			near = Nearest(name, capabilityNames)
		}
		if near != "" {
			text += `: did you mean "` + near + `"?`
		}
		c.warn(at, text)
	}
	caps.Effective = c.keepAllowed(at.Dot("effective"), caps.Effective, caps.Permitted, "permitted")
	if allowed := caps.Permitted & caps.Inheritable; root && caps.Ambient&^caps.Permitted == 0 {
		caps.Ambient &= allowed
	} else {
		caps.Ambient = c.keepAllowed(at.Dot("ambient"), caps.Ambient, allowed, "both permitted and inheritable")
	}
	return caps
}

// keepAllowed returns the allowed capabilities of set, and warns about the others.
func (c processChecker) keepAllowed(at location, set, allowed uint64, what string) uint64 {
	if lost := set &^ allowed; lost != 0 {
		c.warn(at, "left out what is not "+what+": "+strings.Join(maskNames(lost), ", "))
	}
	return set & allowed
}

// maskNames returns the names of the capabilities in a set.
func maskNames(set uint64) []string {
	var list []string
	for n, name := range capabilityNames {
		if set&(1<<n) != 0 {
			list = append(list, name)
		}
	}
	return list
}
