package inspect

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SetgroupsDenied reports whether processes in the user namespace of a process can't change their groups:
// user_namespaces(7).
func SetgroupsDenied(pid int) bool {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/setgroups", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	var b [16]byte
	n, err := unix.Read(fd, b[:])
	return err == nil && strings.HasPrefix(string(b[:n]), "deny")
}
