package state

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// StartTime returns field 22 of /proc/PID/stat (proc_pid_stat(5)), in clock ticks since boot. Record it while pid is
// known to be the right process.
func StartTime(pid int) (uint64, error) {
	p, err := readStat(pid)
	return p.start, err
}

// Alive reports whether pid is still the process that started at startTime, and not a zombie. A later process with the
// same pid has another start time. It is an error if that can't be found out, because no descriptor is left, say: a
// container that is taken for stopped would be deleted around its processes.
func Alive(pid int, startTime uint64) (bool, error) {
	p, err := readStat(pid)
	if err != nil && err != unix.ENOENT && err != unix.ESRCH {
		return false, diag.Sys("the process "+strconv.Itoa(pid)+" of the container can't be examined",
			"open", err)
	}
	return err == nil && p.start == startTime && p.alive(), nil
}

// Parent returns the pid of a process's parent, 0 if the parent is outside rt's pid namespace.
func Parent(pid int) (int, error) {
	p, err := readStat(pid)
	return p.parent, err
}

// Zombie reports whether a process has ended and was not waited for.
func Zombie(pid int) bool {
	p, err := readStat(pid)
	return err == nil && !p.alive()
}

// process is what rt reads of /proc/PID/stat.
type process struct {
	state   byte
	threads int
	start   uint64
	parent  int
}

// alive is false for a zombie, unless only its first thread has ended (pthread_exit(3) in main).
func (p process) alive() bool {
	switch p.state {
	case 'Z', 'X', 'x':
		return p.threads > 1
	}
	return true
}

// readStat reads /proc/PID/stat with one read(2): it is shorter than 600 bytes even with every number at its longest.
func readStat(pid int) (process, error) {
	if pid <= 0 {
		return process{}, unix.ESRCH
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return process{}, err
	}
	defer func() { _ = unix.Close(fd) }()
	b := make([]byte, 1024)
	n, err := unix.Read(fd, b)
	if err != nil {
		return process{}, err // ESRCH: it ended after the open
	}
	p, ok := parseStat(b[:n])
	if !ok {
		return process{}, unix.EPROTO
	}
	return p, nil
}

// parseStat reads fields 3, 4, 20 and 22. Field 2 is the name of the program in parentheses, which may hold spaces and
// parentheses itself, so counting starts after the last one.
func parseStat(b []byte) (process, bool) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return process{}, false
	}
	f := bytes.Fields(b[i+1:])
	if len(f) < 20 || len(f[0]) != 1 {
		return process{}, false
	}
	threads, err := strconv.Atoi(string(f[20-3]))
	if err != nil {
		return process{}, false
	}
	parent, err := strconv.Atoi(string(f[4-3]))
	if err != nil {
		return process{}, false
	}
	start, err := strconv.ParseUint(string(f[22-3]), 10, 64)
	if err != nil {
		return process{}, false
	}
	return process{state: f[0][0], parent: parent, threads: threads, start: start}, true
}
