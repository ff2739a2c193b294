package nsenter

import "golang.org/x/sys/unix"

// Call is a system call that a step can make. Its number depends on the architecture; plans contain only the Call.
type Call uint8

// The system calls of a boot process: every call that rt makes inside a container is in this list.
const (
	Accept4 Call = iota
	Capset
	Chroot
	ClockGettime
	Clone
	Clone3
	Close
	CloseRange
	Dup3
	Execve
	Execveat
	ExitGroup
	Faccessat
	Fchdir
	Fchmodat
	Fchown
	Fchownat
	Fcntl
	Fsconfig
	Fsetxattr
	Fsmount
	Fsopen
	Getpid
	Ioctl
	IoprioSet
	Keyctl
	Mkdirat
	Mknodat
	Mount
	MountSetattr
	MoveMount
	OpenTree
	Openat
	Openat2
	Personality
	PivotRoot
	Prctl
	Prlimit64
	Read
	Readlinkat
	RtSigaction
	RtSigprocmask
	Recvmsg
	SchedSetaffinity
	SchedSetattr
	Seccomp
	Sendfile
	Sendmsg
	SetMempolicy
	Setdomainname
	Setgroups
	Sethostname
	Setns
	Setpriority
	Setresgid
	Setresuid
	Setsid
	Socket
	Symlinkat
	Umask
	Umount2
	Unlinkat
	Unshare
	Write
	Writev
)

// calls are the name and the number of each Call. A test compares it with the kernel's headers.
var calls = [...]struct {
	name string
	nr   uint32
}{
	Accept4:          {"accept4", unix.SYS_ACCEPT4},
	Capset:           {"capset", unix.SYS_CAPSET},
	Chroot:           {"chroot", unix.SYS_CHROOT},
	ClockGettime:     {"clock_gettime", unix.SYS_CLOCK_GETTIME},
	Clone:            {"clone", unix.SYS_CLONE},
	Clone3:           {"clone3", unix.SYS_CLONE3},
	Close:            {"close", unix.SYS_CLOSE},
	CloseRange:       {"close_range", unix.SYS_CLOSE_RANGE},
	Dup3:             {"dup3", unix.SYS_DUP3},
	Execve:           {"execve", unix.SYS_EXECVE},
	Execveat:         {"execveat", unix.SYS_EXECVEAT},
	ExitGroup:        {"exit_group", unix.SYS_EXIT_GROUP},
	Faccessat:        {"faccessat", unix.SYS_FACCESSAT},
	Fchdir:           {"fchdir", unix.SYS_FCHDIR},
	Fchmodat:         {"fchmodat", unix.SYS_FCHMODAT},
	Fchown:           {"fchown", unix.SYS_FCHOWN},
	Fchownat:         {"fchownat", unix.SYS_FCHOWNAT},
	Fcntl:            {"fcntl", unix.SYS_FCNTL},
	Fsconfig:         {"fsconfig", unix.SYS_FSCONFIG},
	Fsetxattr:        {"fsetxattr", unix.SYS_FSETXATTR},
	Fsmount:          {"fsmount", unix.SYS_FSMOUNT},
	Fsopen:           {"fsopen", unix.SYS_FSOPEN},
	Getpid:           {"getpid", unix.SYS_GETPID},
	Ioctl:            {"ioctl", unix.SYS_IOCTL},
	IoprioSet:        {"ioprio_set", unix.SYS_IOPRIO_SET},
	Keyctl:           {"keyctl", unix.SYS_KEYCTL},
	Mkdirat:          {"mkdirat", unix.SYS_MKDIRAT},
	Mknodat:          {"mknodat", unix.SYS_MKNODAT},
	Mount:            {"mount", unix.SYS_MOUNT},
	MountSetattr:     {"mount_setattr", unix.SYS_MOUNT_SETATTR},
	MoveMount:        {"move_mount", unix.SYS_MOVE_MOUNT},
	OpenTree:         {"open_tree", unix.SYS_OPEN_TREE},
	Openat:           {"openat", unix.SYS_OPENAT},
	Openat2:          {"openat2", unix.SYS_OPENAT2},
	Personality:      {"personality", unix.SYS_PERSONALITY},
	PivotRoot:        {"pivot_root", unix.SYS_PIVOT_ROOT},
	Prctl:            {"prctl", unix.SYS_PRCTL},
	Prlimit64:        {"prlimit64", unix.SYS_PRLIMIT64},
	Read:             {"read", unix.SYS_READ},
	Readlinkat:       {"readlinkat", unix.SYS_READLINKAT},
	RtSigaction:      {"rt_sigaction", unix.SYS_RT_SIGACTION},
	RtSigprocmask:    {"rt_sigprocmask", unix.SYS_RT_SIGPROCMASK},
	Recvmsg:          {"recvmsg", unix.SYS_RECVMSG},
	SchedSetaffinity: {"sched_setaffinity", unix.SYS_SCHED_SETAFFINITY},
	SchedSetattr:     {"sched_setattr", unix.SYS_SCHED_SETATTR},
	Seccomp:          {"seccomp", unix.SYS_SECCOMP},
	Sendfile:         {"sendfile", unix.SYS_SENDFILE},
	Sendmsg:          {"sendmsg", unix.SYS_SENDMSG},
	SetMempolicy:     {"set_mempolicy", unix.SYS_SET_MEMPOLICY},
	Setdomainname:    {"setdomainname", unix.SYS_SETDOMAINNAME},
	Setgroups:        {"setgroups", unix.SYS_SETGROUPS},
	Sethostname:      {"sethostname", unix.SYS_SETHOSTNAME},
	Setns:            {"setns", unix.SYS_SETNS},
	Setpriority:      {"setpriority", unix.SYS_SETPRIORITY},
	Setresgid:        {"setresgid", unix.SYS_SETRESGID},
	Setresuid:        {"setresuid", unix.SYS_SETRESUID},
	Setsid:           {"setsid", unix.SYS_SETSID},
	Socket:           {"socket", unix.SYS_SOCKET},
	Symlinkat:        {"symlinkat", unix.SYS_SYMLINKAT},
	Umask:            {"umask", unix.SYS_UMASK},
	Umount2:          {"umount2", unix.SYS_UMOUNT2},
	Unlinkat:         {"unlinkat", unix.SYS_UNLINKAT},
	Unshare:          {"unshare", unix.SYS_UNSHARE},
	Write:            {"write", unix.SYS_WRITE},
	Writev:           {"writev", unix.SYS_WRITEV},
}

// String returns the name of the call, as in section 2 of the manual.
func (c Call) String() string { return calls[c].name }

// Number returns the number of the call on this architecture.
func (c Call) Number() uint32 { return calls[c].nr }

// CallNamed returns the call with a name, and whether there is one.
func CallNamed(name string) (Call, bool) {
	for c := range calls {
		if calls[c].name == name {
			return Call(c), true
		}
	}
	return 0, false
}
