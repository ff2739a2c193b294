package seccomp

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestMergeRecorded(t *testing.T) {
	var a, b, none Recorder
	a.Saw(archs[0].audit, 0) // read
	a.Saw(archs[0].audit, 1) // write
	b.Saw(archs[0].audit, 1)
	b.Saw(archs[1].audit, 1) // exit, of a 32-bit program
	got := MergeRecorded(a.Profile(nil), MergeRecorded(none.Profile(nil), b.Profile(nil)))
	if !Recorded(got) || !slices.Equal(got.Syscalls[0].Names, []string{"exit", "read", "write"}) ||
		!slices.Equal(got.Architectures, []specs.Arch{specs.ArchX86_64, specs.ArchX86}) {
		t.Errorf("got %+v", got)
	}
	for name, p := range map[string]*specs.LinuxSeccomp{
		"allows all": {DefaultAction: specs.ActAllow},
		"arguments": {DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{
			Names:  []string{"read"},
			Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo}},
		}}},
		"two entries": {DefaultAction: specs.ActErrno, Syscalls: make([]specs.LinuxSyscall, 2)},
		"kills":       {DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Action: specs.ActKill}}},
	} {
		if Recorded(p) {
			t.Errorf("%s: taken for a recording", name)
		}
	}
}
