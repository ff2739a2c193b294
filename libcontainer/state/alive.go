package state

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// StartTime returns field 22 of /proc/PID/stat (proc_pid_stat(5)), in clock ticks since boot. Record it while pid is
// known to be the right process.
func StartTime(pid int) (uint64, error) {
	p, err := readStat(pid)
	return p.start, err
}

// Alive reports whether pid is still the process that started at startTime, and not a zombie. A later process with the
// same pid has another start time. If that is unknown, for example because no descriptor is left, Alive returns an
// error: a container that is taken for stopped would be deleted while its processes run.
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

// Ending reports whether a process is about to end: SIGKILL is pending, or it is exiting.
func Ending(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return true // it has ended
	}
	for _, key := range [...]string{"SigPnd", "ShdPnd"} {
		set, err := strconv.ParseUint(strings.Join(sys.StatusFields(text, key), ""), 16, 64)
		if err == nil && set&(1<<(unix.SIGKILL-1)) != 0 {
			return true
		}
	}
	const exiting = 0x4 // PF_EXITING of the kernel
	p, err := readStat(pid)
	return err != nil || p.flags&exiting != 0
}

// process has what rt reads of /proc/PID/stat.
type process struct {
	state   byte
	parent  int
	flags   uint64 // PF_* of the kernel
	threads int
	start   uint64
}

// alive reports whether the process has not ended. A zombie has, unless it is only its first thread that ended
// (pthread_exit(3) in main).
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
	var b [1024]byte
	n, err := sys.Read(fd, b[:])
	if err != nil {
		return process{}, err // ESRCH: it ended after the open
	}
	p, ok := parseStat(b[:n])
	if !ok {
		return process{}, unix.EPROTO
	}
	return p, nil
}

// parseStat parses fields 3 (state), 4 (ppid), 9 (flags), 20 (num_threads) and 22 (starttime) of the text of
// /proc/PID/stat. Field 2 is the name of the program in parentheses, which may hold spaces and parentheses itself, so
// counting starts after the last one.
func parseStat(b []byte) (process, bool) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return process{}, false
	}
	// Cut, not FieldsSeq: b stays on the stack of readStat, which saves a kilobyte for each container of a list.
	rest, more := bytes.CutPrefix(b[i+1:], []byte(" "))
	var p process
	for number := 3; more; number++ {
		var field []byte
		field, rest, more = bytes.Cut(rest, []byte(" "))
		var err error
		switch number {
		case 3:
			if len(field) != 1 {
				return process{}, false
			}
			p.state = field[0]
		case 4:
			p.parent, err = strconv.Atoi(sys.Text(field))
		case 9:
			p.flags, err = strconv.ParseUint(sys.Text(field), 10, 64)
		case 20:
			p.threads, err = strconv.Atoi(sys.Text(field))
		case 22:
			p.start, err = strconv.ParseUint(sys.Text(field), 10, 64)
			return p, err == nil
		}
		if err != nil {
			return process{}, false
		}
	}
	return process{}, false // the text ends before field 22
}
