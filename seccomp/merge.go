package seccomp

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// IsRecorded reports whether a profile has the form of those that a Recorder makes: at most two entries, which allow
// calls whatever their arguments, and an error for all others.
func IsRecorded(p *specs.LinuxSeccomp) bool {
	const ownAndOthers = 2
	if p.DefaultAction != specs.ActErrno || len(p.Syscalls) > ownAndOthers || len(p.Flags) > 0 || p.ListenerPath != "" {
		return false
	}
	return !slices.ContainsFunc(p.Syscalls, func(s specs.LinuxSyscall) bool {
		return s.Action != specs.ActAllow || len(s.Args) > 0
	})
}

// MergeRecorded returns a profile that allows what either of two recorded profiles allows.
func MergeRecorded(a, b *specs.LinuxSeccomp) *specs.LinuxSeccomp {
	merged := *a
	merged.Architectures = slices.Clone(a.Architectures)
	for _, arch := range b.Architectures {
		if !slices.Contains(merged.Architectures, arch) {
			merged.Architectures = append(merged.Architectures, arch)
		}
	}
	var own, names []string
	for _, p := range []*specs.LinuxSeccomp{a, b} {
		for i := range p.Syscalls {
			names = append(names, p.Syscalls[i].Names...)
		}
		if len(p.Syscalls) > 1 { // an older recording has one entry for all
			own = append(own, p.Syscalls[0].Names...)
		}
	}
	merged.Syscalls = recordedEntries(own, names)
	return &merged
}
