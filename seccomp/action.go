package seccomp

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// An action is a row of actions: a word of the spec and what the filter returns for it.
type action struct {
	name    specs.LinuxSeccompAction
	ret     uint32
	dataMax uint32 // the largest errnoRet; 0: the action takes none
}

// maxErrno is the largest errno that a filter can return: the kernel replaces larger ones by it (MAX_ERRNO).
const maxErrno = 4095

// actions are in the order in which the kernel ranks them when several filters answer (seccomp(2)): the most
// restrictive first. SCMP_ACT_KILL is the old name of SCMP_ACT_KILL_THREAD (config-linux.md#seccomp).
var actions = [...]action{
	{specs.ActKillProcess, unix.SECCOMP_RET_KILL_PROCESS, 0},
	{specs.ActKillThread, unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActKill, unix.SECCOMP_RET_KILL_THREAD, 0},
	{specs.ActTrap, unix.SECCOMP_RET_TRAP, 0},
	{specs.ActErrno, unix.SECCOMP_RET_ERRNO, maxErrno},
	{specs.ActNotify, unix.SECCOMP_RET_USER_NOTIF, 0},
	{specs.ActTrace, unix.SECCOMP_RET_TRACE, 0xffff},
	{specs.ActLog, unix.SECCOMP_RET_LOG, 0},
	{specs.ActAllow, unix.SECCOMP_RET_ALLOW, 0},
}

const retAllow = uint32(unix.SECCOMP_RET_ALLOW)

// parseAction returns the value that a filter returns for an action and its errno. field is the field of the action,
// errnoField that of the errno. Without an errno, SCMP_ACT_ERRNO and SCMP_ACT_TRACE have EPERM, as in runc and crun.
func parseAction(name specs.LinuxSeccompAction, errno *uint, field, errnoField string) (uint32, error) {
	for i := range actions {
		a := &actions[i]
		if a.name != name {
			continue
		}
		switch {
		case a.dataMax == 0 && errno != nil:
			return 0, profileError(field+errnoField, strconv.FormatUint(uint64(*errno), 10),
				string(name)+" returns no errno: leave it out, or use SCMP_ACT_ERRNO or SCMP_ACT_TRACE")
		case a.dataMax == 0:
			return a.ret, nil
		case errno == nil:
			return a.ret | uint32(unix.EPERM), nil
		case *errno > uint(a.dataMax):
			return 0, profileError(field+errnoField, strconv.FormatUint(uint64(*errno), 10),
				"is too large for "+string(name)+": at most "+strconv.Itoa(int(a.dataMax)))
		}
		return a.ret | uint32(*errno), nil
	}
	return 0, profileError(field+".action", string(name), "is not an action: one of "+joinWords(Actions()))
}

// rankNotify is the rank of SCMP_ACT_NOTIFY in actions.
const rankNotify = 5

// rank returns the index of a return value in actions: a smaller one is more restrictive.
func rank(ret uint32) int {
	for i := range actions {
		if actions[i].ret == ret&unix.SECCOMP_RET_ACTION_FULL {
			return i
		}
	}
	return 1 // the kernel treats what it does not know as a kill
}

// isPermissive reports whether a default action lets unknown calls through, or leaves them to a tracer or an agent,
// which may do so. Then calls that are newer than the profile are not answered ENOSYS. runc makes the same exceptions,
// and refuses NOTIFY as a default.
func isPermissive(ret uint32) bool {
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_TRACE, unix.SECCOMP_RET_USER_NOTIF:
		return true
	}
	return false
}

// ActionText returns the name of the value that a filter returns, SECCOMP_RET_*: "SCMP_ACT_ERRNO(EPERM)".
func ActionText(ret uint32) string {
	for i := range actions {
		a := &actions[i]
		if a.ret != ret&unix.SECCOMP_RET_ACTION_FULL {
			continue
		}
		if a.dataMax == 0 {
			return string(a.name)
		}
		data := ret & unix.SECCOMP_RET_DATA
		text := strconv.Itoa(int(data))
		if n := unix.ErrnoName(unix.Errno(data)); n != "" && a.name == specs.ActErrno {
			text = n
		}
		return string(a.name) + "(" + text + ")"
	}
	return "0x" + strconv.FormatUint(uint64(ret), 16)
}

// Actions returns the values that linux.seccomp.syscalls[].action and defaultAction may have.
func Actions() []string {
	out := make([]string, len(actions))
	for i := range actions {
		out[i] = string(actions[i].name)
	}
	return out
}

// profileError returns an error about the profile.
func profileError(field, value, problem string) *diag.Error {
	return &diag.Error{Kind: diag.Document, Field: field, Value: value, Problem: problem}
}

// joinWords writes words as "a, b, c".
func joinWords(words []string) string {
	var out strings.Builder
	for i, w := range words {
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(w)
	}
	return out.String()
}
