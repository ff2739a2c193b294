package libcontainer

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/plan"
)

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
	file, err := sys.OpenInRoot("/proc/"+strconv.Itoa(x.state.Pid)+"/root", "etc/passwd", unix.O_PATH)
	if err != nil {
		return nowhere
	}
	defer func() { _ = unix.Close(file) }()
	return homeIn(file, x.spec.Process.UID)
}
