package cli

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/spec"
)

// constants has the constants that arguments of system calls are made of, in profiles above all: flags of open(2),
// clone(2), mmap(2), socket(2), mount(2) and others. It is a function, since only one command needs it.
func constants() map[string]int64 {
	return map[string]int64{
		"AT_FDCWD": unix.AT_FDCWD, "AT_EMPTY_PATH": unix.AT_EMPTY_PATH, "AT_SYMLINK_NOFOLLOW": unix.AT_SYMLINK_NOFOLLOW,
		"NULL": 0, "STDIN_FILENO": 0, "STDOUT_FILENO": 1, "STDERR_FILENO": 2,

		"O_RDONLY": unix.O_RDONLY, "O_WRONLY": unix.O_WRONLY, "O_RDWR": unix.O_RDWR, "O_CREAT": unix.O_CREAT,
		"O_EXCL": unix.O_EXCL, "O_TRUNC": unix.O_TRUNC, "O_APPEND": unix.O_APPEND, "O_NONBLOCK": unix.O_NONBLOCK,
		"O_CLOEXEC": unix.O_CLOEXEC, "O_DIRECTORY": unix.O_DIRECTORY, "O_NOFOLLOW": unix.O_NOFOLLOW,
		"O_PATH":    unix.O_PATH,
		"O_TMPFILE": unix.O_TMPFILE, "O_SYNC": unix.O_SYNC, "O_DIRECT": unix.O_DIRECT, "O_NOCTTY": unix.O_NOCTTY,

		"CLONE_NEWNS": unix.CLONE_NEWNS, "CLONE_NEWUTS": unix.CLONE_NEWUTS, "CLONE_NEWIPC": unix.CLONE_NEWIPC,
		"CLONE_NEWUSER": unix.CLONE_NEWUSER, "CLONE_NEWPID": unix.CLONE_NEWPID, "CLONE_NEWNET": unix.CLONE_NEWNET,
		"CLONE_NEWCGROUP": unix.CLONE_NEWCGROUP, "CLONE_NEWTIME": unix.CLONE_NEWTIME, "CLONE_VM": unix.CLONE_VM,
		"CLONE_FS": unix.CLONE_FS, "CLONE_FILES": unix.CLONE_FILES, "CLONE_SIGHAND": unix.CLONE_SIGHAND,
		"CLONE_THREAD": unix.CLONE_THREAD, "CLONE_VFORK": unix.CLONE_VFORK, "CLONE_PARENT": unix.CLONE_PARENT,
		"CLONE_SYSVSEM": unix.CLONE_SYSVSEM, "CLONE_SETTLS": unix.CLONE_SETTLS, "CLONE_UNTRACED": unix.CLONE_UNTRACED,
		"CLONE_PTRACE": unix.CLONE_PTRACE, "CLONE_PIDFD": unix.CLONE_PIDFD,

		"PROT_NONE": unix.PROT_NONE, "PROT_READ": unix.PROT_READ, "PROT_WRITE": unix.PROT_WRITE,
		"PROT_EXEC":  unix.PROT_EXEC,
		"MAP_SHARED": unix.MAP_SHARED, "MAP_PRIVATE": unix.MAP_PRIVATE, "MAP_FIXED": unix.MAP_FIXED,
		"MAP_ANONYMOUS": unix.MAP_ANONYMOUS, "MAP_POPULATE": unix.MAP_POPULATE, "MAP_HUGETLB": unix.MAP_HUGETLB,

		"AF_UNSPEC": unix.AF_UNSPEC, "AF_UNIX": unix.AF_UNIX, "AF_LOCAL": unix.AF_LOCAL, "AF_INET": unix.AF_INET,
		"AF_INET6": unix.AF_INET6, "AF_NETLINK": unix.AF_NETLINK, "AF_PACKET": unix.AF_PACKET,
		"AF_VSOCK": unix.AF_VSOCK,
		"AF_ALG":   unix.AF_ALG, "AF_BLUETOOTH": unix.AF_BLUETOOTH, "AF_KEY": unix.AF_KEY, "AF_XDP": unix.AF_XDP,
		"SOCK_STREAM": unix.SOCK_STREAM, "SOCK_DGRAM": unix.SOCK_DGRAM, "SOCK_RAW": unix.SOCK_RAW,
		"SOCK_SEQPACKET": unix.SOCK_SEQPACKET, "SOCK_CLOEXEC": unix.SOCK_CLOEXEC, "SOCK_NONBLOCK": unix.SOCK_NONBLOCK,

		"MS_RDONLY": unix.MS_RDONLY, "MS_NOSUID": unix.MS_NOSUID, "MS_NODEV": unix.MS_NODEV,
		"MS_NOEXEC":  unix.MS_NOEXEC,
		"MS_REMOUNT": unix.MS_REMOUNT, "MS_BIND": unix.MS_BIND, "MS_MOVE": unix.MS_MOVE, "MS_REC": unix.MS_REC,
		"MS_PRIVATE": unix.MS_PRIVATE, "MS_SLAVE": unix.MS_SLAVE, "MS_SHARED": unix.MS_SHARED,
		"MNT_DETACH": unix.MNT_DETACH, "MNT_FORCE": unix.MNT_FORCE,

		"PR_SET_NAME": unix.PR_SET_NAME, "PR_SET_NO_NEW_PRIVS": unix.PR_SET_NO_NEW_PRIVS,
		"PR_SET_SECCOMP": unix.PR_SET_SECCOMP, "PR_SET_DUMPABLE": unix.PR_SET_DUMPABLE, "PR_SET_MM": unix.PR_SET_MM,
		"PR_CAPBSET_DROP": unix.PR_CAPBSET_DROP, "PR_SET_PDEATHSIG": unix.PR_SET_PDEATHSIG,
		"TIOCSTI": unix.TIOCSTI, "TIOCLINUX": unix.TIOCLINUX, "TIOCSCTTY": unix.TIOCSCTTY,
		"TIOCGWINSZ": unix.TIOCGWINSZ,
		"TCGETS":     unix.TCGETS, "TCSETS": unix.TCSETS,
		"F_DUPFD": unix.F_DUPFD, "F_GETFD": unix.F_GETFD, "F_SETFD": unix.F_SETFD, "F_GETFL": unix.F_GETFL,
		"F_SETFL": unix.F_SETFL, "F_SETLK": unix.F_SETLK, "F_DUPFD_CLOEXEC": unix.F_DUPFD_CLOEXEC,
		"PTRACE_TRACEME": unix.PTRACE_TRACEME, "PTRACE_ATTACH": unix.PTRACE_ATTACH, "PTRACE_SEIZE": unix.PTRACE_SEIZE,
		"PER_LINUX": 0, "ADDR_NO_RANDOMIZE": 0x40000, "PER_LINUX32": 8, // sys/personality.h
		"S_IFREG": unix.S_IFREG, "S_IFDIR": unix.S_IFDIR, "S_IFCHR": unix.S_IFCHR, "S_IFBLK": unix.S_IFBLK,
		"S_IFIFO": unix.S_IFIFO, "S_IFSOCK": unix.S_IFSOCK, "S_ISUID": unix.S_ISUID, "S_ISGID": unix.S_ISGID,
	}
}

// parseArgument parses an argument of a call in the syntax of C: numbers, names of constants and of signals, with |
// between them. -1 is all bits.
func parseArgument(word string) (uint64, error) {
	var all uint64
	for part := range strings.SplitSeq(word, "|") {
		n, err := parseTerm(strings.TrimSpace(part))
		if err != nil {
			return 0, err
		}
		all |= n
	}
	return all, nil
}

func parseTerm(word string) (uint64, error) {
	if n, err := strconv.ParseUint(word, 0, 64); err == nil {
		return n, nil
	}
	if n, err := strconv.ParseInt(word, 0, 64); err == nil {
		return uint64(n), nil
	}
	known := constants()
	if n, ok := known[word]; ok {
		return uint64(n), nil
	}
	if strings.HasPrefix(word, "SIG") {
		if s := unix.SignalNum(word); s != 0 {
			return uint64(s), nil
		}
	}
	var names []string
	for name := range known {
		names = append(names, name)
	}
	return 0, &diag.Error{
		Kind: diag.Usage, Field: "argument", Value: word,
		Problem: "must be a 64-bit number, such as 12, 0x1f or -1, or constants such as O_RDWR|O_CREAT",
		Hint:    hintNearest(spec.Nearest(word, names)),
	}
}
