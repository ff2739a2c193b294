package seccomp

import (
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// RecordingProfile returns the profile of a container whose calls are observed: the agent sees every call, and lets it
// continue. start are the calls that are made before the agent has the listener; they are allowed without it.
func RecordingProfile(start []string) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActNotify}
	if len(start) > 0 {
		p.Syscalls = []specs.LinuxSyscall{{Names: slices.Clone(start), Action: specs.ActAllow}}
	}
	return p
}

// maxUnnamed is how many calls without a name are recorded. A container can make calls with every number there is.
const maxUnnamed = 64

// A Recorder collects the calls of a container. The zero value is ready.
type Recorder struct {
	calls map[specs.Arch]map[string]bool
	own   map[string]bool // those that the boot process has made before it executed the program
	// Unnamed are calls without a name in the tables, which no profile can allow, by the architecture's AUDIT_ARCH and
	// the number.
	Unnamed []Call
	// Omitted says that there were more of them than are recorded.
	Omitted bool
}

// AddOwn records a call that rt itself makes below the filter, before it executes the program: with this execve, and
// without no_new_privs a few before it.
func (r *Recorder) AddOwn(audit, number uint32) {
	if _, name := CallName(audit, number); name != "" {
		if r.own == nil {
			r.own = make(map[string]bool)
		}
		r.own[name] = true
	}
	r.Add(audit, number)
}

// Add records a call, as a notification shows it.
func (r *Recorder) Add(audit, number uint32) {
	arch, name := CallName(audit, number)
	if name == "" {
		c := Call{Audit: audit, Number: number}
		switch {
		case r.Omitted || slices.Contains(r.Unnamed, c):
		case len(r.Unnamed) == maxUnnamed:
			r.Omitted = true
		default:
			r.Unnamed = append(r.Unnamed, c)
		}
		return
	}
	if r.calls == nil {
		r.calls = make(map[specs.Arch]map[string]bool)
	}
	if r.calls[arch] == nil {
		r.calls[arch] = make(map[string]bool)
	}
	r.calls[arch][name] = true
}

// Profile returns a profile that allows the calls that were seen, and answers all others with EPERM. Its architectures
// are those that made a call. The calls that rt itself needs are an entry of their own, the first.
func (r *Recorder) Profile() *specs.LinuxSeccomp {
	var names []string
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	eperm := uint(unix.EPERM)
	p.DefaultErrnoRet = &eperm
	for i := range archs {
		seen := r.calls[archs[i].name]
		if len(seen) == 0 {
			continue
		}
		p.Architectures = append(p.Architectures, archs[i].name)
		for n := range seen {
			names = append(names, n)
		}
	}
	p.Syscalls = recordedEntries(slices.Collect(maps.Keys(r.own)), names)
	return p
}

// recordedEntries returns the entries of a recorded profile: one for the calls of rt, one for the others.
func recordedEntries(own, all []string) (list []specs.LinuxSyscall) {
	slices.Sort(own)
	own = slices.Compact(own)
	slices.Sort(all)
	rest := slices.DeleteFunc(slices.Compact(all), func(name string) bool { return slices.Contains(own, name) })
	for _, names := range [][]string{own, rest} {
		if len(names) > 0 {
			list = append(list, specs.LinuxSyscall{Names: names, Action: specs.ActAllow})
		}
	}
	return list
}
