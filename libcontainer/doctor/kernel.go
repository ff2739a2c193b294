package doctor

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
)

// optional is a feature of host.Report, and what rt does without it.
type optional struct{ feature, text string }

// optionalFeatures are the features that rt uses, but does not require.
var optionalFeatures = [...]optional{
	{"mount_setattr(2)", "bind mounts are restricted after they are attached, and recursive options (rro and the " +
		"like) are refused"},
	{"cgroup.kill", "processes of a container are killed one by one"},
	{"executable memfd", "the boot image is written to its own tmpfs, or for an ordinary user to a file in the " +
		"state directory, /tmp, /var/tmp or /dev/shm"},
	{"MOUNT_ATTR_NOSYMFOLLOW", "the option nosymfollow is refused for new mounts"},
	{"MOUNT_ATTR_IDMAP", "mounts with id mappings are refused"},
	{"user.* attributes on tmpfs", "in a container of an ordinary user with --ephemeral a directory that was " +
		"deleted can't be created again"},
}

// examineKernel reports which features the kernel has.
func examineKernel(*host.Facts) []Finding {
	const subject = "kernel"
	var u unix.Utsname
	_ = unix.Uname(&u)
	release := "Linux " + unix.ByteSliceToString(u.Release[:])
	if err := host.Check(); err != nil {
		return []Finding{{subject, Bad, release + ": " + err.Error(), "boot a newer kernel"}}
	}
	list := []Finding{{subject, Good, release + " has every system call that rt needs", ""}}
	for _, r := range host.Report() {
		i := slices.IndexFunc(optionalFeatures[:], func(o optional) bool { return o.feature == r.Name })
		if i < 0 || r.Answer == host.Yes {
			continue
		}
		what := optionalFeatures[i].text
		level, verb := Limited, " is missing: "
		if r.Answer == host.Unknown {
			level, verb = Unknown, " can't be probed; without it "
		}
		do := "Linux " + r.Since + " has it"
		if r.Name == "executable memfd" {
			do = "set vm.memfd_noexec below 2 in this pid namespace"
		}
		list = append(list, Finding{subject, level, r.Name + verb + what, do})
	}
	return list
}

// examineSecurity reports on Linux security modules and seccomp.
func examineSecurity(f *host.Facts) []Finding {
	const subject = "security"
	var list []Finding
	modules := readFile("/sys/kernel/security/lsm")
	if modules == "" {
		modules = "unknown, since securityfs is not mounted"
	}
	for _, m := range []struct {
		name, field string
		on          bool
	}{{"AppArmor", "process.apparmorProfile", f.AppArmor}, {"SELinux", "process.selinuxLabel", f.SELinux}} {
		if m.on {
			list = append(list, Finding{subject, Good, m.name + " is on", ""})
		} else {
			list = append(list, Finding{subject, Limited, m.name + " is off: a config with " + m.field +
				" is refused (modules: " + modules + ")", ""})
		}
	}
	if denied := host.Denied(); len(denied) > 0 {
		list = append(list, Finding{
			subject, Bad, "rt runs under a seccomp filter, as in a container, which denies " +
				strings.Join(denied, ", "),
			"allow them in the profile of the container that rt runs in (docker run --security-opt seccomp=FILE, or " +
				"unconfined)",
		})
	} else if host.Filtered() {
		list = append(list, Finding{subject, Unknown, "rt runs under a seccomp filter, as in a container: it may " +
			"deny calls, with EPERM or ENOSYS", ""})
	}
	actions := readFile("/proc/sys/kernel/seccomp/actions_avail")
	switch {
	case strings.Contains(actions, "errno"):
		list = append(list, Finding{subject, Good, "seccomp filters work: " + actions, ""})
	case actions == "":
		list = append(list, Finding{
			subject, Limited, "the kernel has no seccomp filters: a config with linux.seccomp is refused",
			"CONFIG_SECCOMP_FILTER must be set in the kernel",
		})
	}
	return list
}

// examineFileSystems reports on overlay, and on mounts over /proc, which containers with a user namespace need
// uncovered.
func examineFileSystems(_ *host.Facts) []Finding {
	const subject = "file systems"
	var list []Finding
	if known := readFile("/proc/filesystems"); strings.Contains(known, "\toverlay") {
		list = append(list, Finding{subject, Good, "overlay is available: for mounts of that type, --ephemeral and " +
			"--overlay", ""})
	} else {
		list = append(list, Finding{subject, Unknown, "overlay, which --ephemeral and --overlay need, is not loaded; " +
			"it may be a module that is loaded on first use", "modprobe overlay"})
	}
	if covered := mountBelow(readFile("/proc/self/mountinfo"), "/proc/"); covered != "" {
		list = append(list, Finding{
			subject, Limited, "/proc is covered at " + covered + ": containers with a user namespace can't mount " +
				"their own proc (mount_namespaces(7))",
			"mount an uncovered procfs elsewhere in this mount namespace, or bind-mount the host's in the config",
		})
	}
	return list
}

// mountBelow returns the first mount point below dir in the text of a mountinfo file, "" if there is none. A mount at
// /proc/sys/fs/binfmt_misc does not count.
func mountBelow(mountinfo, dir string) string {
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) > 4 && strings.HasPrefix(fields[4], dir) &&
			!strings.HasPrefix(fields[4], "/proc/sys/fs/binfmt_misc") {
			return fields[4]
		}
	}
	return ""
}
