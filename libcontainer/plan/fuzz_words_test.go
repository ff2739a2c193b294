package plan

import (
	"maps"
	"slices"
	"strings"
)

// What the fuzzers write into a config.

// labels are contexts of SELinux, and lists lists of processors and of nodes of memory.
var (
	labels = []string{"", "a:b:c", "u:r:container_t:s0:c1,c2", "u:r:t:s0-s1:c0.c9", "a:b", "a:b:c:s0,x=y", "a b:c:d"}
	lists  = []string{"", "0", "0-1", "1,3-5", "5-3", "0-99999", "0,,1"}
)

// vocabulary has what the strings of a config may be, by the name of the field; "" is all others.
var vocabulary = map[string][]string{
	"Namespaces": {"mount", "pid", "network", "ipc", "uts", "cgroup", "user", "time"},
	"Type": {
		"bind", "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay", "mount", "pid", "user",
		"network", "time", "c", "b", "p", "u", "RLIMIT_NOFILE", "RLIMIT_CPU", "RLIMIT_STACK",
	},
	"Options": {
		"bind", "rbind", "ro", "rw", "rro", "nosuid", "nodev", "noexec", "noatime", "relatime", "strictatime",
		"rnoatime", "remount", "shared", "rshared", "slave", "private", "unbindable", "tmpcopyup", "idmap", "ridmap",
		"mode=755", "size=1m", "copy-symlink", "src-nofollow", "dest-nofollow", "nosymfollow", "sync", "gid=5", "x=y",
		"uid=0", "idmap=uids=0-1000-10;gids=0-1000-10", "ridmap=uids=@0-5-1#1-7-3;gids=0-0-1", "idmap=uids=1-2;gids=",
		"lowerdir=/a:/b,upperdir=/c,workdir=/d", "context=a:b:c", "bind=1", "user=x",
	},
	"Capabilities": {
		"CAP_KILL", "CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SETUID", "CAP_CHOWN", "CAP_BPF", "CAP_FUTURE",
	},
	"Action": {
		"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_NOTIFY", "SCMP_ACT_LOG", "SCMP_ACT_TRACE",
	},
	"Names": {
		"mkdir", "execve", "openat2", "write", "clone3", "close_range", "prctl", "none_such", "seccomp", "exit",
	},
	"Sysctl": {
		"net.ipv4.ip_forward", "kernel.msgmax", "kernel.hostname", "fs.mqueue.msg_max", "net/core/somaxconn", "1",
	},
	"MountLabel":        labels,
	"SelinuxLabel":      labels,
	"ApparmorProfile":   {"p", "", "unconfined", "a b"},
	"RootfsPropagation": {"shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable"},
	"Domain":            {"LINUX", "LINUX32", "LINUX64"},
	"Policy": {
		"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE",
	},
	"Mode": {
		"MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_PREFERRED", "MPOL_LOCAL", "MPOL_WEIGHTED_INTERLEAVE",
	},
	"Flags": {
		"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP", "MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES",
		"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
	},
	"Class": {"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"},
	"Op": {
		"SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ",
	},
	"Architectures": {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"},
	"Nodes":         lists,
	"Cpus":          lists,
	"Mems":          lists,
	"Initial":       lists,
	"Final":         lists,
	"Pagesize":      {"2MB", "1GB", "64KB", "2 MB"},
	"TimeOffsets":   {"monotonic", "boottime", "realtime"},
	"NetDevices":    {"eth0", "lo", "dummy0", "a/b", strings.Repeat("x", 16)},
	"Name":          {"eth0", "ctr_eth0", "", "mlx5_0"},
	"Schemata":      {"L3:0=ffff", "MB:0=20;1=70", "L3:0=f\n"},
	"ClosID":        {"class", "..", "a/b"},
	"Unified":       {"memory.high", "cpu.weight", "../x", "cgroup.procs"},
	"Version":       {"1.0.0", "1.0.2-dev", "1.2.1+x", "1.3.0", "1.9.0-rc.1+a.b", "2.0.0", "01.0.0", "1.0"},
	"Env":           {"PATH=/bin", "HOME=/", "HOME=", "A=b", "=", "A", "PATH="},
	"": {
		"", "/", "/proc", "/proc/sys", "/dev", "/dev/null", "/dev/shm/x", "/data", "/data/../etc", "../x", "a", "a/b",
		"//a//b/", "/a\x00b", "/a\x1b[2Jb", "/a\u0085", "/a\u202eb", "shared", "host", strings.Repeat("/long", 60),
	},
}

// word is a string for a field.
func (g generator) word(name string) string {
	switch name {
	case "Bounding", "Effective", "Permitted", "Inheritable", "Ambient":
		name = "Capabilities"
	case "DefaultAction":
		name = "Action"
	}
	list := vocabulary[name]
	if list == nil || g.rarely() {
		list = vocabulary[""]
		if g.rarely() { // of another field
			keys := slices.Sorted(maps.Keys(vocabulary))
			list = vocabulary[keys[g.IntN(len(keys))]]
		}
	}
	return list[g.IntN(len(list))]
}

// number is one at which things change.
func (g generator) number() uint64 {
	return [...]uint64{
		0, 1, 2, 3, 5, 7, 8, 255, 256, 1000, 0o755, 65535, 65536, 1 << 20, 1<<31 - 1, 1 << 31,
		1<<32 - 1, 1 << 32, 1<<63 - 1, 1<<64 - 1,
	}[g.IntN(20)]
}
