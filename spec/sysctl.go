package spec

import (
	"strings"

	"golang.org/x/sys/unix"
)

// sysctls are the parameters that belong to a namespace, with its type. All others are the host's: a container must not
// set them. A path that ends in "/" stands for all below it.
var sysctls = []struct {
	path string
	flag uintptr
}{
	{"net/", unix.CLONE_NEWNET},   // network_namespaces(7)
	{"user/", unix.CLONE_NEWUSER}, // namespaces(7), The /proc/sys/user directory
	{"kernel/hostname", unix.CLONE_NEWUTS},
	{"kernel/domainname", unix.CLONE_NEWUTS},
	// ipc_namespaces(7), and ipc/ipc_sysctl.c for what the page leaves out.
	{"fs/mqueue/", unix.CLONE_NEWIPC},
	{"kernel/auto_msgmni", unix.CLONE_NEWIPC},
	{"kernel/msg_next_id", unix.CLONE_NEWIPC},
	{"kernel/msgmax", unix.CLONE_NEWIPC},
	{"kernel/msgmnb", unix.CLONE_NEWIPC},
	{"kernel/msgmni", unix.CLONE_NEWIPC},
	{"kernel/sem", unix.CLONE_NEWIPC},
	{"kernel/sem_next_id", unix.CLONE_NEWIPC},
	{"kernel/shm_next_id", unix.CLONE_NEWIPC},
	{"kernel/shm_rmid_forced", unix.CLONE_NEWIPC},
	{"kernel/shmall", unix.CLONE_NEWIPC},
	{"kernel/shmmax", unix.CLONE_NEWIPC},
	{"kernel/shmmni", unix.CLONE_NEWIPC},
}

// checkSysctl checks linux.sysctl (config-linux.md, Sysctl).
func (c linuxChecker) checkSysctl(m map[string]string) {
	at := locationOf("linux.sysctl")
	if len(m) == 0 {
		return
	}
	taken := make(map[string]string, len(m))
	for _, key := range sorted(m) {
		one := at.Key(key)
		file, ok := sysctlPath(key)
		if !ok {
			c.refuse(one, "", `is no name of a kernel parameter: it must look like "net.ipv4.ip_forward" or `+
				`"net/ipv4/ip_forward"`)
			continue
		}
		if other, ok := taken[file]; ok {
			c.refuse(one, "", "is the same parameter as "+at.Key(other).String())
		}
		taken[file] = key
		flag := sysctlNamespace(file)
		if flag == 0 {
			c.refuse(one, "", "belongs to the host: a container may set what lies in its namespaces only, net.*, "+
				"user.*, fs.mqueue.*, kernel.hostname, kernel.domainname, and kernel.msg*, "+
				"kernel.sem* and kernel.shm* of System V IPC")
			continue
		}
		c.requireNamespace(one, flag, "the parameter is the host's")
		if file == "kernel/hostname" && differsFrom(c.spec.Hostname, m[key]) ||
			file == "kernel/domainname" && differsFrom(c.spec.Domainname, m[key]) {
			c.refuse(one, m[key], "sets what "+strings.TrimPrefix(file, "kernel/")+
				" sets too, to another name: leave one of them out")
		}
		c.spec.Sysctl = append(c.spec.Sysctl, Sysctl{Key: key, Path: file, Value: m[key]})
	}
}

// differsFrom reports whether both are given and say different things.
func differsFrom(name, value string) bool { return name != "" && name != value }

// sysctlNamespace returns the type of namespace that a file below /proc/sys belongs to, or 0.
func sysctlNamespace(file string) uintptr {
	for _, k := range sysctls {
		if k.path == file || strings.HasSuffix(k.path, "/") && strings.HasPrefix(file, k.path) {
			return k.flag
		}
	}
	return 0
}

// sysctlPath returns the file below /proc/sys that a key names. As sysctl(8) has it, the first separator tells the two
// ways to write a key apart: "net/ipv4/conf/eth0.1/forwarding" is a path, and in "net.ipv4.conf.eth0/1.forwarding" dots
// and slashes change roles.
func sysctlPath(key string) (string, bool) {
	first := strings.IndexAny(key, "./")
	if first < 0 {
		return "", false
	}
	file := key
	if key[first] == '.' {
		file = strings.Map(func(r rune) rune {
			switch r {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return r
		}, key)
	}
	for part := range strings.SplitSeq(file, "/") {
		if part == "" || part == "." || part == ".." {
			return "", false
		}
	}
	return file, true
}
