package seccomp

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestMergeRecorded(t *testing.T) {
	var a, b, none Recorder
	a.Add(archs[0].audit, 0) // read
	a.Add(archs[0].audit, 1) // write
	b.Add(archs[0].audit, 1)
	b.AddOwn(archs[0].audit, 59) // execve
	b.Add(archs[1].audit, 1)     // exit, of a 32-bit program
	got := MergeRecorded(a.Profile(), MergeRecorded(none.Profile(), b.Profile()))
	if !IsRecorded(got) || len(got.Syscalls) != 2 || !slices.Equal(got.Syscalls[0].Names, []string{"execve"}) ||
		!slices.Equal(got.Syscalls[1].Names, []string{"exit", "read", "write"}) ||
		!slices.Equal(got.Architectures, []specs.Arch{specs.ArchX86_64, specs.ArchX86}) {
		t.Errorf("got %+v", got)
	}
	for name, p := range map[string]*specs.LinuxSeccomp{
		"allows all": {DefaultAction: specs.ActAllow},
		"arguments": {DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{
			Names:  []string{"read"},
			Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo}},
		}}},
		"three entries": {DefaultAction: specs.ActErrno, Syscalls: slices.Repeat([]specs.LinuxSyscall{
			{Names: []string{"read"}, Action: specs.ActAllow},
		}, 3)},
		"flags":    {DefaultAction: specs.ActErrno, Flags: []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog}},
		"an agent": {DefaultAction: specs.ActErrno, ListenerPath: "/run/agent"},
		"kills":    {DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Action: specs.ActKill}}},
	} {
		if IsRecorded(p) {
			t.Errorf("%s: taken for a recording", name)
		}
	}
}
