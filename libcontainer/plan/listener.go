package plan

import (
	"runtime"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/nsenter"
	"rt/seccomp"
)

// A filter that answers SCMP_ACT_NOTIFY has a listener, the descriptor that seccomp(2) returns: from it an agent reads
// the calls that wait for its answer (config-linux.md#seccomp, seccomp_unotify(2)). Only the process that loads the
// filter gets it, so it is passed under the filter: by calls that the filter must allow, without asking the agent,
// which does not listen yet.

// passCalls are the calls between the loading of the filter and the moment when rt has the listener.
var passCalls = [...]nsenter.Call{nsenter.Dup3, nsenter.Sendmsg}

// hasListener reports whether the filter has a listener.
func (c *input) hasListener() bool {
	return c.opt.Observe || c.opt.Filter != nil && c.opt.Filter.Notify
}

// checkListener refuses a filter whose listener can't be passed, or has no agent.
func (c rights) checkListener() error {
	if c.opt.Observe || !c.hasListener() {
		return nil
	}
	profile := c.spec.OCI.Linux.Seccomp
	if profile.ListenerPath == "" {
		return &diag.Error{
			Kind: diag.Document, Field: "linux.seccomp.listenerPath",
			Problem: "is absent, and the profile uses SCMP_ACT_NOTIFY: nobody would ever answer",
			Hint:    "name the Unix socket of the agent that answers the calls",
		}
	}
	const most = 64 << 10 // an agent reads it into memory, while the container waits
	if len(profile.ListenerMetadata) > most {
		return diag.At("linux.seccomp.listenerMetadata", "has more than 65536 bytes")
	}
	numbers := make([]uint32, len(passCalls))
	for i, call := range passCalls {
		numbers[i] = call.Number()
	}
	if err := c.opt.Filter.CheckDeadlock(numbers); err != nil {
		return err
	}
	for _, call := range [...]nsenter.Call{nsenter.Dup3, nsenter.Sendmsg, nsenter.Read} {
		if err := checkAllowed(profile, call); err != nil {
			return err
		}
	}
	return nil
}

// checkAllowed refuses a profile that forbids the boot process a call. The agent may answer the last one: it has the
// listener by then.
func checkAllowed(profile *specs.LinuxSeccomp, call nsenter.Call) error {
	v, err := seccomp.Check(profile, runtime.GOARCH, "", call.String())
	if err != nil {
		return err
	}
	switch v.Return & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_USER_NOTIF:
		return nil
	}
	field := "linux.seccomp.defaultAction"
	if v.Entry >= 0 {
		field = "linux.seccomp.syscalls[" + strconv.Itoa(v.Entry) + "].action"
	}
	return &diag.Error{
		Kind: diag.Document, Field: field, Value: seccomp.ActionText(v.Return),
		Problem: "forbids " + call.String() +
			", by which the agent of SCMP_ACT_NOTIFY gets its listener from the container",
		Hint: "allow " + call.String() + " with an entry of its own",
	}
}

// passListenerIn passes the listener in r to rt, and waits until the agent has it.
func (c rights) passListenerIn(r nsenter.Reg) {
	origin, does := "linux.seccomp.listenerPath", "pass it to the agent at linux.seccomp.listenerPath"
	if c.opt.Observe {
		origin, does = "--seccomp-record", "answer the calls, and record them"
	}
	spare := c.spareFD("the listener")
	// A number that was closed since may be the one that the listener has got (EINVAL, dup(2)).
	c.call(origin, "duplicate the listener to a fixed number, if it has another", nsenter.Dup3, nsenter.Val(r),
		nsenter.Num(spare),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_CLOEXEC)).ignore(unix.EINVAL)
	c.call(origin, "pass it to rt", nsenter.Sendmsg, nsenter.Num(c.plan.Ctl), passDescriptor(c.plan.Number(spare), r),
		nsenter.Flags(&nsenter.SendFlags, listenerMark)).
		sync(SyncListener, does)
	c.await("wait until the agent has received it")
}

// listenerMark is a flag that has no effect on a SOCK_SEQPACKET socket (send(2)). The filter of recordCalls recognizes
// the call by it.
const listenerMark = unix.MSG_EOR

// recordCalls replaces the filter by one that shows rt all calls of the container, except those that pass the listener.
// It recognizes these by their arguments, so that the program's own calls of the same names are shown.
func (c rights) recordCalls() error {
	is := func(index uint, value uint64) specs.LinuxSeccompArg {
		return specs.LinuxSeccompArg{Index: index, Value: value, Op: specs.OpEqualTo}
	}
	ctl, spare := uint64(c.plan.Number(c.plan.Ctl)), uint64(c.plan.Number(c.spareFD("the listener")))
	profile := seccomp.RecordingProfile(nil)
	profile.Syscalls = []specs.LinuxSyscall{
		{
			Names: []string{nsenter.Dup3.String()}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{is(1, spare), is(2, unix.O_CLOEXEC)},
		},
		{
			Names: []string{nsenter.Sendmsg.String()}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{is(0, ctl), is(2, listenerMark)},
		},
	}
	switch runtime.GOARCH { // 32-bit programs run too
	case "amd64":
		profile.Architectures = []specs.Arch{specs.ArchX86, specs.ArchX32}
	case "arm64":
		profile.Architectures = []specs.Arch{specs.ArchARM}
	}
	filter, _, err := seccomp.Compile(profile, runtime.GOARCH)
	if err != nil {
		return err
	}
	options := *c.opt
	options.Filter, c.opt = filter, &options
	return nil
}
