package inspect

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/spec"
)

// listenFDs are the descriptors that a service manager has passed to rt for the container: sd_listen_fds(3).
type listenFDs struct {
	count int      // of descriptors, from 3 on
	env   []string // for the container's process
}

// readListenFDs reads LISTEN_FDS from the environment of rt. It applies only to the process that LISTEN_PID names: in
// another process that inherits the environment these numbers are other descriptors.
func readListenFDs() (l listenFDs, err error) {
	text := os.Getenv("LISTEN_FDS")
	if text == "" || os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return l, nil
	}
	if l.count, err = strconv.Atoi(text); err != nil || l.count < 0 {
		return l, &diag.Error{
			Kind: diag.Usage, Field: "LISTEN_FDS", Value: text,
			Problem: "in the environment of rt must be a number of descriptors",
		}
	}
	l.env = []string{"LISTEN_FDS=" + text, "LISTEN_PID=1"}
	if names := os.Getenv("LISTEN_FDNAMES"); names != "" {
		l.env = append(l.env, "LISTEN_FDNAMES="+names)
	}
	return l, nil
}

// CheckPreserved returns an error if one of the n descriptors from 3 on is not open, for --preserve-fds. Call it before
// rt opens a descriptor, which would get the lowest free number.
func CheckPreserved(n int) error {
	for fd := 3; fd < 3+n; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
			return &diag.Error{
				Kind: diag.Usage, Field: "--preserve-fds", Value: strconv.Itoa(n),
				Problem: "descriptor " + strconv.Itoa(fd) + " is not open: the caller of rt must pass all from 3 on",
			}
		}
	}
	return nil
}

// openFilesLimit returns rt's hard limit of open files (RLIMIT_NOFILE); 0 if it is unknown.
func openFilesLimit() uint64 {
	var limit unix.Rlimit
	if unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit) != nil {
		return 0
	}
	return limit.Max
}

// HardLimits returns rt's own hard limits, by number, of the resources in process.rlimits.
func HardLimits(p *spec.Process) map[int]uint64 {
	limits := make(map[int]uint64, len(p.Rlimits))
	for i := range p.Rlimits {
		var l unix.Rlimit
		if unix.Prlimit(0, p.Rlimits[i].Resource, nil, &l) == nil {
			limits[p.Rlimits[i].Resource] = l.Max
		}
	}
	return limits
}

// OwnedStreams reports which of the standard streams of a process, given as descriptors of this process, get the user
// of the process as owner: pipes, sockets and regular files, but not devices, which other processes use too.
func OwnedStreams(p *spec.Process, streams [3]int) (owned [3]bool) {
	if p.UID == 0 || p.Terminal {
		return owned
	}
	for i, fd := range streams {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil {
			continue
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFREG:
			owned[i] = true
		}
	}
	return owned
}
