package nsenter

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Names says how a number prints: as the names of its bits, or as the one name of its value.
type Names struct {
	prefix string // "0" prints the number in octal, "0x" in hexadecimal; then there are no words
	choice bool   // the words stand for values, not for bits
	words  []word
}

// A word is the name of a value, or of bits.
type word struct {
	value uint64
	name  string
}

var (
	nullName = Names{choice: true, words: []word{{0, "NULL"}}}
	cwdName  = Names{choice: true, words: []word{{atFdcwd, "AT_FDCWD"}}}
)

// The words of the operands that plans use. The order is the order they print in.
var (
	CloneFlags = Names{words: []word{
		{unix.CLONE_NEWUSER, "CLONE_NEWUSER"},
		{unix.CLONE_NEWPID, "CLONE_NEWPID"},
		{unix.CLONE_NEWNET, "CLONE_NEWNET"},
		{unix.CLONE_NEWIPC, "CLONE_NEWIPC"},
		{unix.CLONE_NEWUTS, "CLONE_NEWUTS"},
		{unix.CLONE_NEWNS, "CLONE_NEWNS"},
		{unix.CLONE_NEWCGROUP, "CLONE_NEWCGROUP"},
		{unix.CLONE_NEWTIME, "CLONE_NEWTIME"},
		{unix.CLONE_PARENT, "CLONE_PARENT"},
		{unix.CLONE_INTO_CGROUP, "CLONE_INTO_CGROUP"},
	}}
	OpenFlags = Names{words: []word{
		{unix.O_RDWR, "O_RDWR"},
		{unix.O_WRONLY, "O_WRONLY"},
		{unix.O_PATH, "O_PATH"},
		{unix.O_DIRECTORY, "O_DIRECTORY"},
		{unix.O_NOFOLLOW, "O_NOFOLLOW"},
		{unix.O_CREAT, "O_CREAT"},
		{unix.O_NOCTTY, "O_NOCTTY"},
		{unix.O_CLOEXEC, "O_CLOEXEC"},
	}}
	ResolveFlags = Names{words: []word{
		{unix.RESOLVE_IN_ROOT, "RESOLVE_IN_ROOT"},
		{unix.RESOLVE_BENEATH, "RESOLVE_BENEATH"},
		{unix.RESOLVE_NO_MAGICLINKS, "RESOLVE_NO_MAGICLINKS"},
		{unix.RESOLVE_NO_SYMLINKS, "RESOLVE_NO_SYMLINKS"},
		{unix.RESOLVE_NO_XDEV, "RESOLVE_NO_XDEV"},
	}}
	MountFlags = Names{words: []word{
		{unix.MS_RDONLY, "MS_RDONLY"},
		{unix.MS_NOSUID, "MS_NOSUID"},
		{unix.MS_NODEV, "MS_NODEV"},
		{unix.MS_NOEXEC, "MS_NOEXEC"},
		{unix.MS_SYNCHRONOUS, "MS_SYNCHRONOUS"},
		{unix.MS_REMOUNT, "MS_REMOUNT"},
		{unix.MS_MANDLOCK, "MS_MANDLOCK"},
		{unix.MS_DIRSYNC, "MS_DIRSYNC"},
		{unix.MS_NOSYMFOLLOW, "MS_NOSYMFOLLOW"},
		{unix.MS_NOATIME, "MS_NOATIME"},
		{unix.MS_NODIRATIME, "MS_NODIRATIME"},
		{unix.MS_BIND, "MS_BIND"},
		{unix.MS_MOVE, "MS_MOVE"},
		{unix.MS_REC, "MS_REC"},
		{unix.MS_SILENT, "MS_SILENT"},
		{unix.MS_UNBINDABLE, "MS_UNBINDABLE"},
		{unix.MS_PRIVATE, "MS_PRIVATE"},
		{unix.MS_SLAVE, "MS_SLAVE"},
		{unix.MS_SHARED, "MS_SHARED"},
		{unix.MS_RELATIME, "MS_RELATIME"},
		{unix.MS_I_VERSION, "MS_I_VERSION"},
		{unix.MS_STRICTATIME, "MS_STRICTATIME"},
		{unix.MS_LAZYTIME, "MS_LAZYTIME"},
	}}
	MountAttrs = Names{words: []word{
		{unix.MOUNT_ATTR_RDONLY, "MOUNT_ATTR_RDONLY"},
		{unix.MOUNT_ATTR_NOSUID, "MOUNT_ATTR_NOSUID"},
		{unix.MOUNT_ATTR_NODEV, "MOUNT_ATTR_NODEV"},
		{unix.MOUNT_ATTR_NOEXEC, "MOUNT_ATTR_NOEXEC"},
		{unix.MOUNT_ATTR__ATIME, "MOUNT_ATTR__ATIME"},
		{unix.MOUNT_ATTR_NOATIME, "MOUNT_ATTR_NOATIME"},
		{unix.MOUNT_ATTR_STRICTATIME, "MOUNT_ATTR_STRICTATIME"},
		{unix.MOUNT_ATTR_NODIRATIME, "MOUNT_ATTR_NODIRATIME"},
		{unix.MOUNT_ATTR_IDMAP, "MOUNT_ATTR_IDMAP"},
		{unix.MOUNT_ATTR_NOSYMFOLLOW, "MOUNT_ATTR_NOSYMFOLLOW"},
	}}
	OpenTreeFlags = Names{words: []word{
		{unix.OPEN_TREE_CLONE, "OPEN_TREE_CLONE"},
		{unix.OPEN_TREE_CLOEXEC, "OPEN_TREE_CLOEXEC"},
		{unix.AT_RECURSIVE, "AT_RECURSIVE"},
		{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"},
		{unix.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
	}}
	MoveMountFlags = Names{words: []word{
		{unix.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"},
		{unix.MOVE_MOUNT_T_EMPTY_PATH, "MOVE_MOUNT_T_EMPTY_PATH"},
		{unix.MOVE_MOUNT_T_SYMLINKS, "MOVE_MOUNT_T_SYMLINKS"},
	}}
	AtFlags = Names{words: []word{
		{unix.AT_EMPTY_PATH, "AT_EMPTY_PATH"},
		{unix.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
		{unix.AT_RECURSIVE, "AT_RECURSIVE"},
	}}
	UmountFlags = Names{words: []word{{unix.MNT_DETACH, "MNT_DETACH"}, {unix.UMOUNT_NOFOLLOW, "UMOUNT_NOFOLLOW"}}}
	FsCommands  = Names{choice: true, words: []word{
		{unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING"},
		{unix.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG"},
		{unix.FSCONFIG_SET_FD, "FSCONFIG_SET_FD"},
		{unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"},
	}}
	FsopenFlags  = Names{words: []word{{unix.FSOPEN_CLOEXEC, "FSOPEN_CLOEXEC"}}}
	FsmountFlags = Names{words: []word{{unix.FSMOUNT_CLOEXEC, "FSMOUNT_CLOEXEC"}}}
	FileModes    = Names{words: []word{
		{unix.S_IFCHR, "S_IFCHR"},
		{unix.S_IFBLK, "S_IFBLK"},
		{unix.S_IFREG, "S_IFREG"},
		{unix.S_IFIFO, "S_IFIFO"},
	}}
	AccessModes  = Names{choice: true, words: []word{{unix.X_OK, "X_OK"}, {unix.F_OK, "F_OK"}}}
	PrctlOptions = Names{choice: true, words: []word{
		{unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"},
		{unix.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"},
		{unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"},
		{unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"},
		{unix.PR_CAPBSET_READ, "PR_CAPBSET_READ"},
		{unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"},
		{unix.PR_SET_NAME, "PR_SET_NAME"},
		{unix.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"},
	}}
	AmbientOptions = Names{choice: true, words: []word{
		{unix.PR_CAP_AMBIENT_CLEAR_ALL, "PR_CAP_AMBIENT_CLEAR_ALL"},
		{unix.PR_CAP_AMBIENT_RAISE, "PR_CAP_AMBIENT_RAISE"},
	}}
	IoctlRequests = Names{choice: true, words: []word{
		{unix.SIOCGIFFLAGS, "SIOCGIFFLAGS"},
		{unix.SIOCSIFFLAGS, "SIOCSIFFLAGS"},
		{unix.TIOCSPTLCK, "TIOCSPTLCK"},
		{unix.TIOCGPTPEER, "TIOCGPTPEER"},
		{unix.TIOCSWINSZ, "TIOCSWINSZ"},
		{unix.TIOCSCTTY, "TIOCSCTTY"},
		{0xb701, "NS_GET_USERNS"},
	}}
	SocketDomains = Names{choice: true, words: []word{{unix.AF_INET, "AF_INET"}, {unix.AF_UNIX, "AF_UNIX"}}}
	SocketTypes   = Names{words: []word{{unix.SOCK_DGRAM, "SOCK_DGRAM"}, {unix.SOCK_CLOEXEC, "SOCK_CLOEXEC"}}}
	FcntlCommands = Names{choice: true, words: []word{
		{unix.F_GETFD, "F_GETFD"},
		{unix.F_SETFD, "F_SETFD"},
		{unix.F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"},
	}}
	RecvFlags    = Names{words: []word{{unix.MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC"}}}
	SendFlags    = Names{words: []word{{unix.MSG_EOR, "MSG_EOR"}}}
	SeccompOps   = Names{choice: true, words: []word{{unix.SECCOMP_SET_MODE_FILTER, "SECCOMP_SET_MODE_FILTER"}}}
	SeccompFlags = Names{words: []word{
		{unix.SECCOMP_FILTER_FLAG_TSYNC, "SECCOMP_FILTER_FLAG_TSYNC"},
		{unix.SECCOMP_FILTER_FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG"},
		{unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"},
		{unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, "SECCOMP_FILTER_FLAG_NEW_LISTENER"},
		{unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH"},
		{unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"},
	}}
	KeyctlOps = Names{choice: true, words: []word{
		{unix.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"},
		{unix.KEYCTL_SETPERM, "KEYCTL_SETPERM"},
	}}
	Capabilities = Names{choice: true, words: capabilityWords}
	Rlimits      = Names{choice: true, words: []word{
		{unix.RLIMIT_AS, "RLIMIT_AS"},
		{unix.RLIMIT_CORE, "RLIMIT_CORE"},
		{unix.RLIMIT_CPU, "RLIMIT_CPU"},
		{unix.RLIMIT_DATA, "RLIMIT_DATA"},
		{unix.RLIMIT_FSIZE, "RLIMIT_FSIZE"},
		{unix.RLIMIT_LOCKS, "RLIMIT_LOCKS"},
		{unix.RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK"},
		{unix.RLIMIT_MSGQUEUE, "RLIMIT_MSGQUEUE"},
		{unix.RLIMIT_NICE, "RLIMIT_NICE"},
		{unix.RLIMIT_NOFILE, "RLIMIT_NOFILE"},
		{unix.RLIMIT_NPROC, "RLIMIT_NPROC"},
		{unix.RLIMIT_RSS, "RLIMIT_RSS"},
		{unix.RLIMIT_RTPRIO, "RLIMIT_RTPRIO"},
		{unix.RLIMIT_RTTIME, "RLIMIT_RTTIME"},
		{unix.RLIMIT_SIGPENDING, "RLIMIT_SIGPENDING"},
		{unix.RLIMIT_STACK, "RLIMIT_STACK"},
	}}
	Octal = Names{prefix: "0"}
	Hex   = Names{prefix: "0x"}
)

// capabilityWords are the capabilities of capabilities(7), in the order of their numbers.
var capabilityWords = []word{
	{0, "CAP_CHOWN"},
	{1, "CAP_DAC_OVERRIDE"},
	{2, "CAP_DAC_READ_SEARCH"},
	{3, "CAP_FOWNER"},
	{4, "CAP_FSETID"},
	{5, "CAP_KILL"},
	{6, "CAP_SETGID"},
	{7, "CAP_SETUID"},
	{8, "CAP_SETPCAP"},
	{9, "CAP_LINUX_IMMUTABLE"},
	{10, "CAP_NET_BIND_SERVICE"},
	{11, "CAP_NET_BROADCAST"},
	{12, "CAP_NET_ADMIN"},
	{13, "CAP_NET_RAW"},
	{14, "CAP_IPC_LOCK"},
	{15, "CAP_IPC_OWNER"},
	{16, "CAP_SYS_MODULE"},
	{17, "CAP_SYS_RAWIO"},
	{18, "CAP_SYS_CHROOT"},
	{19, "CAP_SYS_PTRACE"},
	{20, "CAP_SYS_PACCT"},
	{21, "CAP_SYS_ADMIN"},
	{22, "CAP_SYS_BOOT"},
	{23, "CAP_SYS_NICE"},
	{24, "CAP_SYS_RESOURCE"},
	{25, "CAP_SYS_TIME"},
	{26, "CAP_SYS_TTY_CONFIG"},
	{27, "CAP_MKNOD"},
	{28, "CAP_LEASE"},
	{29, "CAP_AUDIT_WRITE"},
	{30, "CAP_AUDIT_CONTROL"},
	{31, "CAP_SETFCAP"},
	{32, "CAP_MAC_OVERRIDE"},
	{33, "CAP_MAC_ADMIN"},
	{34, "CAP_SYSLOG"},
	{35, "CAP_WAKE_ALARM"},
	{36, "CAP_BLOCK_SUSPEND"},
	{37, "CAP_AUDIT_READ"},
	{38, "CAP_PERFMON"},
	{39, "CAP_BPF"},
	{40, "CAP_CHECKPOINT_RESTORE"},
}

// Format returns v in the words of n.
func (n *Names) Format(v uint64) string {
	switch {
	case n.prefix == "0" && v == 0, n.prefix == "" && !n.choice && v == 0:
		return "0"
	case n.prefix == "0":
		return "0" + strconv.FormatUint(v, 8)
	case n.prefix == "0x":
		return "0x" + strconv.FormatUint(v, 16)
	case n.choice:
		for _, w := range n.words {
			if w.value == v {
				return w.name
			}
		}
		return strconv.FormatUint(v, 10)
	}
	return n.formatBits(v)
}

// formatBits returns the words of the bits of v, and the bits that have no word as a number: octal for a file mode, as
// everyone writes those.
func (n *Names) formatBits(v uint64) string {
	var words []string
	for _, w := range n.words {
		if v&w.value == w.value {
			words = append(words, w.name)
			v &^= w.value
		}
	}
	switch {
	case v == 0:
	case n == &FileModes:
		words = append(words, "0"+strconv.FormatUint(v, 8))
	default:
		words = append(words, "0x"+strconv.FormatUint(v, 16))
	}
	return strings.Join(words, "|")
}
