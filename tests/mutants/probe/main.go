// Probe is the program of the containers that tests/mutants makes: it prints what there is to see inside, a fact a
// line. A fact begins with what it is about. Signals and limits are told by a shell before it: Go's runtime changes
// both.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	mounts()
	process()
	namespaces()
	files()
	attempts()
	terminal()
}

func tell(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// read returns what is in a file, or why it can't be read.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return why(err)
	}
	return strings.TrimSpace(string(text))
}

// why is an error without the path that it is about.
func why(err error) string {
	if e, ok := err.(*fs.PathError); ok { //nolint:errorlint // made by package os
		err = e.Err
	}
	return err.Error()
}

// mounts tells the mount table. Peer groups have other numbers each time.
func mounts() {
	for line := range strings.Lines(read("/proc/self/mountinfo")) {
		before, after, _ := strings.Cut(line, " - ")
		f := strings.Fields(before)
		kinds := []string{"private"}
		for _, option := range f[6:] {
			name, _, _ := strings.Cut(option, ":")
			kinds = append(kinds, name)
		}
		tell("mount %s of %s: %s, %s, %s", f[4], f[3], f[5], strings.Join(kinds, " "),
			strings.Join(strings.Fields(after), " "))
	}
}

// process tells what the process is, and may.
func process() {
	for line := range strings.Lines(read("/proc/self/status")) {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "Umask", "Uid", "Gid", "Groups", "NSpid", "NSsid", "SigBlk", "CapInh", "CapPrm", "CapEff", "CapBnd",
			"CapAmb",
			"NoNewPrivs", "Seccomp",
			"Seccomp_filters", "Cpus_allowed_list", "Mems_allowed_list", "Tgid", "PPid",
			"Speculation_Store_Bypass", "SpeculationIndirectBranch":
			tell("status %s %s", key, strings.Join(strings.Fields(value), " "))
		}
	}
	for _, name := range []string{
		"comm", "oom_score_adj", "personality", "loginuid", "cgroup", "attr/current",
		"timens_offsets",
		"coredump_filter",
	} {
		tell("%s %s", name, strings.ReplaceAll(read("/proc/self/"+name), "\n", "; "))
	}
	nice, _ := unix.Getpriority(unix.PRIO_PROCESS, 0)
	tell("nice %d", 20-nice)
	attr, err := unix.SchedGetAttr(0, 0)
	if err == nil {
		tell("scheduler policy %d priority %d", attr.Policy, attr.Priority)
	}
	ioprio, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, 1, 0, 0)
	tell("ioprio %d", ioprio)
	secure, _ := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	tell("securebits %d", secure)
	sid, _ := unix.Getsid(0)
	tell("session %d group %d", sid, unix.Getpgrp())
	tell("keyring %s", keyring())
	for _, e := range os.Environ() {
		tell("env %s", e)
	}
	cwd, err := unix.Getwd()
	tell("cwd %s %v", cwd, err)
}

// keyring describes the session keyring: its type, owner, permissions and name.
func keyring() string {
	text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, unix.KEY_SPEC_SESSION_KEYRING)
	if err != nil {
		return err.Error()
	}
	return text
}

// namespaces tells which they are, and what is in them. Numbers that the machine has are replaced by a word later.
func namespaces() {
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		link, err := os.Readlink("/proc/self/ns/" + name)
		tell("namespace %s %v", link, err)
	}
	var uts unix.Utsname
	_ = unix.Uname(&uts)
	tell("hostname %s domain %s", unix.ByteSliceToString(uts.Nodename[:]), unix.ByteSliceToString(uts.Domainname[:]))
	tell("uid_map %s gid_map %s setgroups %s", strings.Join(strings.Fields(read("/proc/self/uid_map")), " "),
		strings.Join(strings.Fields(read("/proc/self/gid_map")), " "), read("/proc/self/setgroups"))
	processes, _ := filepath.Glob("/proc/[0-9]*")
	tell("processes in sight %d", len(processes))
	tell("lo flags %s", read("/sys/class/net/lo/flags"))
	for line := range strings.Lines(read("/proc/net/dev")) {
		name, _, is := strings.Cut(line, ":")
		if is {
			tell("interface %s", strings.TrimSpace(name))
		}
	}
	for _, name := range []string{
		"net/ipv4/ip_unprivileged_port_start", "net/ipv4/ping_group_range",
		"kernel/msgmax",
	} {
		tell("sysctl %s %s", name, read("/proc/sys/"+name))
	}
}

// files tells what is open, and what the root file system shows.
func files() {
	open, _ := os.ReadDir("/proc/self/fd")
	for _, f := range open {
		link, err := os.Readlink("/proc/self/fd/" + f.Name())
		if err != nil || strings.HasPrefix(link, "anon_inode:[event") {
			continue // the directory that was read, and what Go's runtime has for itself
		}
		if kind, _, is := strings.Cut(link, ":["); is {
			link = kind
		}
		tell("open %s %s", f.Name(), link)
	}
	_ = filepath.WalkDir("/", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			tell("path %s: %s", path, why(err))
			return nil
		}
		switch {
		case path == "/proc", path == "/sys", path == "/dev/mqueue", strings.Count(path, "/") > 4:
			return fs.SkipDir
		case strings.HasPrefix(path, "/dev/pts/"):
			return nil
		}
		tell("path %s", describe(path))
		return nil
	})
}

// describe is what lstat(2) says of a path, and where a link leads.
func describe(path string) string {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return path + " " + err.Error()
	}
	link, _ := os.Readlink(path)
	return fmt.Sprintf("%s %06o %d:%d device %d:%d %s", path, st.Mode, st.Uid, st.Gid, unix.Major(st.Rdev),
		unix.Minor(st.Rdev),
		link)
}

// attempts tells what becomes of what a container may try.
func attempts() {
	attempt := func(what string, err error) { tell("attempt to %s: %v", what, err) }
	for _, path := range []string{
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
		"/dev/ptmx",
		"/dev/console", "/proc/sys/kernel/hostname", "/proc/sysrq-trigger", "/sys/kernel/mm/ksm/run", "/data/in",
		"/new",
	} {
		flags := unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
		if path == "/new" {
			flags |= unix.O_CREAT
		}
		fd, err := unix.Open(path, flags, 0o644)
		if err == nil {
			_ = unix.Close(fd)
		}
		attempt("open "+path, err)
	}
	for _, path := range []string{
		"/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi", "/sys/firmware",
		"/secret",
	} {
		text, err := os.ReadFile(path)
		names, dirErr := os.ReadDir(path)
		tell("attempt to read %s: %v %d bytes, %v %d names", path, err != nil, min(len(text), 1), dirErr != nil,
			len(names))
	}
	attempt("make a device", unix.Mknod("/dev/made", unix.S_IFBLK|0o600, 0))
	attempt("mount", unix.Mount("tmpfs", "/tmp", "tmpfs", 0, ""))
	attempt("make a user namespace", unix.Unshare(unix.CLONE_NEWUSER))
	attempt("reboot, with a wrong number", unix.Reboot(0))
}

// terminal tells of the terminal, if there is one.
func terminal() {
	for fd := range 3 {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		_ = unix.Fstat(fd, &st)
		group, groupErr := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		modes, _ := unix.IoctlGetTermios(fd, unix.TCGETS)
		tell("terminal %d: %dx%d mode %06o owner %d:%d foreground %d %v output %o", fd, size.Row, size.Col,
			st.Mode, st.Uid, st.Gid,
			group, groupErr, modes.Oflag)
	}
}
