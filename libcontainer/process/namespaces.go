package process

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Namespaces are the types of namespaces, with their names in /proc/PID/ns: namespaces(7).
var Namespaces = [...]struct {
	Link string
	Flag uintptr
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

// OtherNamespaces returns the types (CLONE_NEW flags) of the namespaces of a process that are not those of rt. Types in
// made, which were created for the process, are in the result without a comparison. User namespaces are always
// compared: joining one's own is an error (setns(2)).
func OtherNamespaces(pid int, made uintptr) (flags uintptr, err error) {
	made &^= unix.CLONE_NEWUSER
	flags = made
	dir := "/proc/" + strconv.Itoa(pid) + "/ns/"
	for _, k := range Namespaces {
		if made&k.Flag != 0 {
			continue
		}
		var its, own unix.Stat_t
		if err := unix.Stat("/proc/self/ns/"+k.Link, &own); err != nil {
			if err == unix.ENOENT {
				continue // this kernel has no such namespaces
			}
			return 0, diag.Sys("rt's own namespaces can't be read", "stat", err)
		}
		if err := unix.Stat(dir+k.Link, &its); err != nil {
			e := diag.Sys("the namespaces of the container can't be read", "stat", err)
			if e.Errno == unix.EACCES {
				e.Hint = "only root, and the user who has created the container, may join it"
			}
			return 0, e
		}
		if its.Dev != own.Dev || its.Ino != own.Ino {
			flags |= k.Flag
		}
	}
	return flags, nil
}

// OpenNamespace opens the namespace of type flag at path: ioctl_ns(2). field is the property of the config, for errors.
func OpenNamespace(field, path string, flag uintptr) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return -1, diag.Sys("the namespace can't be opened", "open", err).At(field, path)
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil || uintptr(kind) != flag {
		_ = unix.Close(fd)
		return -1, &diag.Error{
			Kind: diag.Host, Field: field, Value: path,
			Problem: "is not a namespace of the type that the entry names",
		}
	}
	return fd, nil
}
