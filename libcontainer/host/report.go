package host

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Finding is one line of a report about this machine.
type Finding struct {
	Name   string // "mount_setattr(2)", "time namespaces"
	Since  string // the first Linux release that has it; "" where that says nothing
	Answer Answer
	Detail string // a value worth showing: "lockdown,capability,apparmor"
}

// kinds has the link in /proc/self/ns and the first release of each type of namespace (namespaces(7)).
var kinds = []struct{ link, name, since string }{
	{"mnt", "mount namespaces", "2.4.19"},
	{"uts", "uts namespaces", "2.6.19"},
	{"ipc", "ipc namespaces", "2.6.19"},
	{"pid", "pid namespaces", "2.6.24"},
	{"net", "network namespaces", "2.6.29"},
	{"user", "user namespaces", "3.8"},
	{"cgroup", "cgroup namespaces", "4.6"},
	{"time", "time namespaces", "5.6"},
}

// Report probes the features of Probe and further ones, for a report to the user.
func Report() []Finding {
	var r []Finding
	for _, p := range append(append([]probe{}, required...), features...) {
		r = append(r, Finding{Name: p.name, Since: p.since, Answer: p.ask()})
	}
	for _, k := range kinds {
		r = append(r, Finding{Name: k.name, Since: k.since, Answer: exists("/proc/self/ns/" + k.link)})
	}
	n := readLine("/proc/sys/user/max_user_namespaces")
	r = append(r, Finding{Name: "user.max_user_namespaces", Since: "4.9", Answer: positive(n), Detail: n})
	for _, l := range []struct {
		name string
		on   bool
	}{{"AppArmor", appArmor()}, {"SELinux", seLinux()}} {
		a := No
		if l.on {
			a = Yes
		}
		r = append(r, Finding{Name: l.name, Answer: a, Detail: readLine("/sys/kernel/security/lsm")})
	}
	return r
}

// exists returns No only for ENOENT.
func exists(path string) Answer {
	switch unix.Access(path, unix.F_OK) {
	case nil:
		return Yes
	case unix.ENOENT:
		return No
	}
	return Unknown
}

// positive reports whether a number from /proc/sys is above 0. Unknown is for "", a file that could not be read.
func positive(n string) Answer {
	switch n {
	case "":
		return Unknown
	case "0":
		return No
	}
	return Yes
}

// readLine returns the first line of a small file in /proc or /sys, "" if it can't be read.
func readLine(path string) string {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	b := make([]byte, 256)
	n, err := unix.Read(fd, b)
	_ = unix.Close(fd)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	return line
}
