package libcontainer

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
)

// kindsOfNamespaces has the names in /proc/PID/ns: namespaces(7).
var kindsOfNamespaces = [...]struct {
	link string
	flag uintptr
}{
	{"user", unix.CLONE_NEWUSER},
	{"pid", unix.CLONE_NEWPID},
	{"mnt", unix.CLONE_NEWNS},
	{"net", unix.CLONE_NEWNET},
	{"ipc", unix.CLONE_NEWIPC},
	{"uts", unix.CLONE_NEWUTS},
	{"cgroup", unix.CLONE_NEWCGROUP},
	{"time", unix.CLONE_NEWTIME},
}

// otherNamespaces returns the kinds of namespaces in which a process is not where rt is. The config does not say that:
// a namespace that it names by path may be rt's own, and entering one's own user namespace is an error (setns(2)).
func otherNamespaces(pid int) (flags uintptr, err error) {
	dir := "/proc/" + strconv.Itoa(pid) + "/ns/"
	for _, k := range kindsOfNamespaces {
		var its, own unix.Stat_t
		if err := unix.Stat("/proc/self/ns/"+k.link, &own); err != nil {
			if err == unix.ENOENT {
				continue // this kernel has no such namespaces
			}
			return 0, diag.Sys("rt's own namespaces can't be read", "stat", err)
		}
		if err := unix.Stat(dir+k.link, &its); err != nil {
			e := diag.Sys("the namespaces of the container can't be read", "stat", err)
			if e.Errno == unix.EACCES {
				e.Hint = "only root, and the user who made the container, may join it"
			}
			return 0, e
		}
		if its.Dev != own.Dev || its.Ino != own.Ino {
			flags |= k.flag
		}
	}
	return flags, nil
}

// setgroupsDenied reports whether processes in the user namespace of a process can't change their groups:
// user_namespaces(7).
func setgroupsDenied(pid int) bool {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/setgroups", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	var b [16]byte
	n, err := unix.Read(fd, b[:])
	return err == nil && strings.HasPrefix(string(b[:n]), "deny")
}

// homeInside is the home directory of the user that joins, by the passwd that the processes of the container see.
func (x *executor) homeInside() string {
	if plan.HasHome(x.spec.Process.Env) {
		return "" // not asked
	}
	const nowhere = "/"
	file, err := openInRoot("/proc/"+strconv.Itoa(x.state.Pid)+"/root", "etc/passwd", unix.O_PATH)
	if err != nil {
		return nowhere
	}
	defer func() { _ = unix.Close(file) }()
	return homeIn(file, x.spec.Process.UID)
}
