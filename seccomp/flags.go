package seccomp

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// tsyncESRCH makes a failed TSYNC return an error instead of a thread id, which a listener needs: Linux 5.7.
const tsyncESRCH = unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH

// flags are the words of linux.seccomp.flags.
var flags = [...]struct {
	name specs.LinuxSeccompFlag
	bit  uint32
}{
	{"SECCOMP_FILTER_FLAG_TSYNC", unix.SECCOMP_FILTER_FLAG_TSYNC},
	{specs.LinuxSeccompFlagSpecAllow, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{specs.LinuxSeccompFlagLog, unix.SECCOMP_FILTER_FLAG_LOG},
	{specs.LinuxSeccompFlagWaitKillableRecv, waitKillableRecv},
}

// waitKillableRecv is SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: Linux 5.19, only together with a listener.
const waitKillableRecv = 1 << 5

// parseFlags returns the flags argument of seccomp(2). A profile without the property gets SPEC_ALLOW, as from runc and
// crun; an empty list means no flag at all.
func parseFlags(words []specs.LinuxSeccompFlag, notify bool) (out uint32, warnings []string, err error) {
	if words == nil {
		out = unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	}
next:
	for i, w := range words {
		for _, f := range flags {
			if f.name == w {
				out |= f.bit
				continue next
			}
		}
		err = joinErrors(err, profileError("linux.seccomp.flags["+strconv.Itoa(i)+"]", string(w),
			"is not a flag: one of "+joinWords(Flags())))
	}
	if !notify && out&waitKillableRecv != 0 {
		// Without a listener the kernel refuses it: EINVAL.
		out &^= waitKillableRecv
		warnings = append(warnings,
			"linux.seccomp.flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV has no effect without a SCMP_ACT_NOTIFY rule")
	}
	if notify {
		out |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
		if out&unix.SECCOMP_FILTER_FLAG_TSYNC != 0 {
			out |= tsyncESRCH
		}
	}
	return out, warnings, err
}

// Flags returns the words that linux.seccomp.flags may contain.
func Flags() []string {
	out := make([]string, len(flags))
	for i := range flags {
		out[i] = string(flags[i].name)
	}
	return out
}
