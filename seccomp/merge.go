package seccomp

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Recorded reports whether a profile has the form of those that a Recorder makes: one entry that allows calls whatever
// their arguments, and an error for all others.
func Recorded(p *specs.LinuxSeccomp) bool {
	if p.DefaultAction != specs.ActErrno || len(p.Syscalls) > 1 || len(p.Flags) > 0 || p.ListenerPath != "" {
		return false
	}
	return len(p.Syscalls) == 0 || p.Syscalls[0].Action == specs.ActAllow && len(p.Syscalls[0].Args) == 0
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
	var names []string
	for _, p := range []*specs.LinuxSeccomp{a, b} {
		for i := range p.Syscalls {
			names = append(names, p.Syscalls[i].Names...)
		}
	}
	slices.Sort(names)
	merged.Syscalls = nil
	if names = slices.Compact(names); len(names) > 0 {
		merged.Syscalls = []specs.LinuxSyscall{{Names: names, Action: specs.ActAllow}}
	}
	return &merged
}
