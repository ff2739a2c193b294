package failure

import (
	"strconv"
	"strings"

	"rt/spec"
)

// fieldValue returns the value of a field of the config, for messages: a step has only its origin. It returns "" for
// lists and objects, and for fields that the config does not have.
func fieldValue(s *spec.Spec, path string) string {
	oci := s.OCI
	section, rest, _ := strings.Cut(path, ".")
	name, i := index(section)
	switch {
	case path == "root.path":
		return s.Rootfs
	case path == "hostname":
		return s.Hostname
	case path == "process.cwd" && s.Process != nil:
		return s.Process.Cwd
	case path == "process.apparmorProfile" && s.Process != nil:
		return s.Process.AppArmor
	case path == "process.selinuxLabel" && s.Process != nil:
		return s.Process.SELinuxLabel
	case path == "process.execCPUAffinity.final" && s.Process != nil && s.Process.OCI.ExecCPUAffinity != nil:
		return s.Process.OCI.ExecCPUAffinity.Final
	case name == "mounts" && i >= 0 && i < len(oci.Mounts):
		m := &oci.Mounts[i]
		switch rest {
		case "source":
			return m.Source
		case "type":
			return m.Type
		case "options":
			return strings.Join(m.Options, ",")
		}
		return m.Destination
	case section == "linux" && oci.Linux != nil:
		return linuxValue(s, rest)
	}
	return ""
}

// linuxValue returns the value of a field in linux, given without "linux.".
func linuxValue(s *spec.Spec, path string) string {
	l := s.OCI.Linux
	section, _, _ := strings.Cut(path, ".")
	name, i := index(section)
	switch {
	case name == "maskedPaths" && i >= 0 && i < len(l.MaskedPaths):
		return l.MaskedPaths[i]
	case name == "readonlyPaths" && i >= 0 && i < len(l.ReadonlyPaths):
		return l.ReadonlyPaths[i]
	case name == "devices" && i >= 0 && i < len(l.Devices):
		return l.Devices[i].Path
	case name == "namespaces" && i >= 0 && i < len(l.Namespaces):
		return l.Namespaces[i].Path
	case path == "rootfsPropagation":
		return l.RootfsPropagation
	case path == "mountLabel":
		return l.MountLabel
	case path == "cgroupsPath":
		return l.CgroupsPath
	}
	if key, ok := strings.CutPrefix(path, "sysctl["); ok {
		if key, err := strconv.Unquote(strings.TrimSuffix(key, "]")); err == nil {
			return l.Sysctl[key]
		}
	}
	return ""
}

// index splits "mounts[3]" into name and index; the index is -1 if there is none.
func index(section string) (string, int) {
	name, rest, ok := strings.Cut(section, "[")
	if !ok {
		return section, -1
	}
	i, err := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	if err != nil {
		return name, -1
	}
	return name, i
}
