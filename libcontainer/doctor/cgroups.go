package doctor

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
)

const cgroupRoot = "/sys/fs/cgroup"

// examineCgroups reports how cgroups are mounted, and whether this user can create some.
func examineCgroups(f *host.Facts) []Finding {
	const subject = "cgroups"
	switch cgroup.Mode() {
	case host.CgroupNone:
		return []Finding{
			{subject, Bad, "no cgroups are mounted at " + cgroupRoot, "mount -t cgroup2 none " + cgroupRoot},
		}
	case host.CgroupV1, host.CgroupHybrid:
		return examineCgroupV1(f)
	case host.CgroupV2:
	}
	list := []Finding{{subject, Good, "cgroup v2", ""}}
	own := ownCgroup(readFile("/proc/self/cgroup"))
	dir := cgroupRoot
	if f.EUID != 0 {
		dir = path.Join(cgroupRoot, path.Dir(own))
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		level := Bad
		if f.EUID != 0 || f.UserNS {
			level = Limited
		}
		return append(list, Finding{
			subject, level, dir + " can't be written to: containers run without a cgroup of their own, and those " +
				"with limits are refused",
			"rt --systemd-cgroup, or systemd-run --user --scope -p Delegate=yes rt ...",
		})
	}
	return append(list, examineControllers(dir)...)
}

// examineControllers reports which controllers the cgroups below dir can have.
func examineControllers(dir string) []Finding {
	const subject = "cgroups"
	have := strings.Fields(readFile(dir + "/cgroup.controllers"))
	var missing []string
	for _, c := range []string{"cpu", "memory", "pids", "io", "cpuset"} {
		if !slices.Contains(have, c) {
			missing = append(missing, c)
		}
	}
	if missing == nil {
		return []Finding{{subject, Good, "controllers in " + dir + ": " + strings.Join(have, " "), ""}}
	}
	return []Finding{{
		subject, Limited, "no controller " + strings.Join(missing, ", ") + " in " + dir + ": their limits are refused",
		"let the service manager delegate them (systemd.resource-control(5), Delegate=), or see cgroup_disable= on " +
			"the kernel's command line",
	}}
}

// examineCgroupV1 reports on v1 hierarchies.
func examineCgroupV1(f *host.Facts) []Finding {
	const subject = "cgroups"
	if own := readFile("/proc/self/mountinfo"); !strings.Contains(own, " - cgroup ") {
		return []Finding{
			{
				subject,
				Bad,
				"no cgroup hierarchies are mounted below " + cgroupRoot,
				"mount -t cgroup2 none " + cgroupRoot,
			},
		}
	}
	list := []Finding{{subject, Limited, "cgroup v1: processes are moved into their cgroups, and cgroup namespaces " +
		"hide less", "boot with systemd.unified_cgroup_hierarchy=1"}}
	for _, c := range []string{"cpu", "memory", "pids", "devices", "freezer"} {
		dir := cgroupRoot + "/" + c
		switch unix.Access(dir, unix.W_OK) {
		case nil:
		case unix.ENOENT:
			list = append(list, Finding{
				subject, Limited, "no hierarchy of controller " + c + " is mounted: its limits are refused",
				"mount -t cgroup -o " + c + " none " + dir,
			})
		default:
			level := Bad
			if f.EUID != 0 || f.UserNS {
				level = Limited
			}
			list = append(list, Finding{subject, level, dir + " can't be written to: containers run without a cgroup " +
				"of their own, and those with limits are refused", ""})
			return list
		}
	}
	return list
}

// ownCgroup returns rt's own cgroup on v2, "/" if it is unknown.
func ownCgroup(text string) string {
	for line := range strings.Lines(text) {
		if p, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return p
		}
	}
	return "/"
}
