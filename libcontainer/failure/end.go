package failure

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/seccomp"
	"rt/spec"
)

// Counts are counters of a container's cgroup.
type Counts interface {
	OOMKilled() (bool, error) // whether a process was OOM-killed
	ForksRefused() uint64     // the number of forks that pids.limit has refused
}

// EndReason returns a sentence about the end of a container's program, if the kernel or a limit has ended it; "" if
// not, or if that is unknown. status is the exit status: 128 + n for signal n. A shell returns the same for a program
// that it has executed.
func EndReason(status, pid int, config *spec.Spec, counts Counts) string {
	if status == 0 {
		return ""
	}
	reason := ""
	switch unix.Signal(status - 128) {
	case unix.SIGKILL:
		if oom, err := counts.OOMKilled(); err == nil && oom {
			reason = memoryReason(config)
		} else if hard := hardCPULimit(config); hard > 0 && childTime() >= hard {
			reason = "it has used up the hard limit of process.rlimits, RLIMIT_CPU " + strconv.FormatInt(hard, 10) +
				" seconds of processor time"
		}
	case unix.SIGSYS:
		reason = seccompReason(pid, config)
	case unix.SIGXCPU:
		reason = limitReason(config, unix.RLIMIT_CPU, "seconds of processor time")
	case unix.SIGXFSZ:
		reason = limitReason(config, unix.RLIMIT_FSIZE, "bytes in a file")
	}
	if n := counts.ForksRefused(); reason == "" && n > 0 {
		reason = "the limit of processes, linux.resources.pids.limit" + pidsLimit(config) + ", has refused " +
			strconv.FormatUint(n, 10) + " fork" + plural(n)
	}
	if reason == "" {
		return ""
	}
	return endSentence(status, reason)
}

// plural returns the plural ending of a noun for n things.
func plural(n uint64) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func endSentence(status int, reason string) string {
	return "the program has ended with status " + strconv.Itoa(status) + ": " + reason
}

// memoryReason returns the reason of a program that was OOM-killed.
func memoryReason(config *spec.Spec) string {
	const what = "a process of the container was OOM-killed: "
	if l := config.OCI.Linux; l != nil && l.Resources != nil && l.Resources.Memory != nil {
		if n := l.Resources.Memory.Limit; n != nil && *n > 0 {
			return what + "it has used up linux.resources.memory.limit, " + strconv.FormatInt(*n, 10) + " bytes"
		}
	}
	return what + "the machine, or a cgroup above the container's, has run out of memory"
}

// pidsLimit returns the value of linux.resources.pids.limit after a space; "" if it is absent.
func pidsLimit(config *spec.Spec) string {
	if l := config.OCI.Linux; l != nil && l.Resources != nil && l.Resources.Pids != nil &&
		l.Resources.Pids.Limit != nil {
		return " " + strconv.FormatInt(*l.Resources.Pids.Limit, 10)
	}
	return ""
}

// limitReason returns the reason of a program that was killed by the signal of an exceeded limit of process.rlimits.
func limitReason(config *spec.Spec, resource int, unit string) string {
	if config.Process == nil {
		return ""
	}
	for _, l := range config.Process.Rlimits {
		if l.Resource == resource {
			return "it has used up process.rlimits[" + strconv.Itoa(l.Index) + "], " + l.Type + " " +
				strconv.FormatUint(l.Soft, 10) + " " + unit
		}
	}
	return ""
}

// hardCPULimit returns the hard limit of processor time in seconds; 0 if there is none.
func hardCPULimit(config *spec.Spec) int64 {
	if config.Process == nil {
		return 0
	}
	for _, l := range config.Process.Rlimits {
		if l.Resource == unix.RLIMIT_CPU && l.Hard < 1<<32 {
			return int64(l.Hard)
		}
	}
	return 0
}

// childTime returns the processor time in seconds of the children that this process has waited for.
func childTime() int64 {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_CHILDREN, &used) != nil {
		return 0
	}
	const half = 500_000 // the kernel examines the limit once a tick
	return used.Utime.Sec + used.Stime.Sec + (used.Utime.Usec+used.Stime.Usec+half)/1_000_000
}

// seccompReason returns the reason of a program that linux.seccomp has killed; "" without linux.seccomp.
func seccompReason(pid int, config *spec.Spec) string {
	if config.OCI.Linux == nil || config.OCI.Linux.Seccomp == nil {
		return ""
	}
	for range 5 { // the kernel writes the record a moment later
		if call := killedCall(pid); call != "" {
			return callReason(call)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return callReason("")
}

// callReason returns the reason of a program that seccomp has killed for a call; "" is an unknown one.
func callReason(call string) string {
	const what = "linux.seccomp has killed it for "
	if call == "" {
		return what + "a system call (SIGSYS); `rt run --seccomp-record` records those that it makes"
	}
	return what + "the call " + call
}

// killedCall returns the system call for which seccomp has killed a process, from the audit record in the kernel's log.
// It returns "" if rt may not read the log, or if the log has no such record: auditd(8), if it runs, receives it
// instead.
func killedCall(pid int) string {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = unix.Close(fd) }()
	call := ""
	var record [8 << 10]byte // the longest record: CONSOLE_EXT_LOG_MAX of linux/printk.h
	const most = 1 << 18     // more records than any ring has
	for range most {
		n, err := unix.Read(fd, record[:])
		if err == unix.EPIPE {
			continue // records were overwritten meanwhile
		}
		if err != nil || n <= 0 {
			break
		}
		if name := auditCall(string(record[:n]), pid); name != "" {
			call = name
		}
	}
	return call
}

// auditCall returns the call in a record such as "audit: type=1326 audit(1.2:3): ... pid=7 comm="sh" exe="/bin/sh"
// sig=31 arch=c000003e syscall=83 ...", if it is about this process.
func auditCall(record string, pid int) string {
	const seccompRecord = "type=1326 " // AUDIT_SECCOMP of linux/audit.h
	if !strings.Contains(record, seccompRecord) || !strings.Contains(record, " pid="+strconv.Itoa(pid)+" ") {
		return ""
	}
	field := func(name string, base int) (uint64, bool) {
		_, rest, ok := strings.Cut(record, " "+name+"=")
		word, _, _ := strings.Cut(rest, " ")
		n, err := strconv.ParseUint(word, base, 32)
		return n, ok && err == nil
	}
	arch, ok := field("arch", 16)
	number, numbered := field("syscall", 10)
	if !ok || !numbered {
		return ""
	}
	_, name := seccomp.CallName(uint32(arch), uint32(number))
	if name == "" {
		return "number " + strconv.FormatUint(number, 10)
	}
	return name
}
