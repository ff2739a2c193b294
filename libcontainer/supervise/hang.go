package supervise

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"rt/nsenter"
)

// A boot process uses mounts whose servers may not answer: a FUSE file system that another container serves, or a
// network file system. Its system calls have no time limit, so the session limits how long it may be silent.

// SilenceLimit is how long a boot process may be silent while rt waits for its report. It is the time after which the
// kernel calls a task hung (hung_task_timeout_secs of sysctl/kernel). Only tests change it.
var SilenceLimit = 2 * time.Minute

// Hang is the error about a boot process that was killed because a system call of it did not return.
type Hang struct {
	Index int           // in Steps; -1 if the step is unknown
	Step  *nsenter.Step // nil if it is unknown
	For   time.Duration // how long the session has waited
}

func (h *Hang) Error() string {
	if h.Step == nil {
		return "the boot process has not answered within " + h.For.String()
	}
	return h.Step.Sentence + ": " + h.Step.Call.String() + " has not returned within " + h.For.String()
}

// await waits for a report, or the end of the channel, at most for SilenceLimit.
func (s *Session) await() error {
	const interval = 100 * time.Millisecond
	if s.Boot.ReadyWithin(interval) {
		return nil
	}
	for begin := time.Now(); ; {
		if s.Interrupted != nil {
			if err := s.Interrupted(); err != nil {
				return err
			}
		}
		if s.Traits&NoTimeLimit == 0 && time.Since(begin) > SilenceLimit {
			return s.hang()
		}
		if s.Boot.ReadyWithin(interval) {
			return nil
		}
	}
}

// hang kills a boot process that makes no progress, and returns the error about the step that it is at.
func (s *Session) hang() error {
	h := &Hang{Index: s.current(), For: SilenceLimit}
	if h.Index >= 0 {
		h.Step = &s.Steps[h.Index]
	}
	s.End()
	return h
}

// current returns the index in Steps of the step that the boot process executes; -1 if that is unknown. It compares the
// current call and its operands (proc_pid_syscall(5)) with those in the image.
func (s *Session) current() int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(s.Boot.Pid) + "/syscall")
	if err != nil {
		return -1
	}
	fields := bytes.Fields(text)
	call, err := strconv.ParseUint(string(fields[0]), 10, 32)
	const operands = 6
	if err != nil || len(fields) <= operands {
		return -1 // "running", or not in a call
	}
	var args [operands]uint64
	for i := range args {
		if args[i], err = strconv.ParseUint(string(fields[1+i]), 0, 64); err != nil {
			return -1
		}
	}
	for i := range s.Steps {
		if s.Steps[i].Call.Number() != uint32(call) || s.Image != nil && !s.Image.Makes(i, args) {
			continue
		}
		for _, from := range s.expected.next {
			if from <= i && s.expected.canReach(from, i) {
				return i
			}
		}
	}
	return -1
}
