package seccomp

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestDifferences(t *testing.T) {
	compile := func(byDefault specs.LinuxSeccompAction, entries ...specs.LinuxSyscall) *Filter {
		f, _, err := Compile(&specs.LinuxSeccomp{DefaultAction: byDefault, Syscalls: entries}, "amd64")
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	entry := func(action specs.LinuxSeccompAction, name string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: []string{name}, Action: action, Args: args}
	}
	local := specs.LinuxSeccompArg{Index: 0, Value: 1, Op: specs.OpEqualTo}
	masked := specs.LinuxSeccompArg{Index: 1, Value: 0x7e000000, Op: specs.OpMaskedEqual}
	a := compile(specs.ActErrno, entry(specs.ActAllow, "read"), entry(specs.ActAllow, "socket", local),
		entry(specs.ActAllow, "openat2"))
	b := compile(specs.ActErrno, entry(specs.ActAllow, "read"), entry(specs.ActAllow, "socket", local, masked),
		entry(specs.ActAllow, "openat2"), entry(specs.ActKillProcess, "mount"))
	want := []Difference{
		{"mount", "SCMP_ACT_ERRNO(EPERM)", "SCMP_ACT_KILL_PROCESS"},
		{
			"socket", "SCMP_ACT_ALLOW if args[0] == 1, else SCMP_ACT_ERRNO(EPERM)",
			"SCMP_ACT_ALLOW if args[0] == 1 and args[1] & 0x7e000000 == 0, else SCMP_ACT_ERRNO(EPERM)",
		},
	}
	got := Differences(a, b)
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q, want %q", got[i], want[i])
		}
	}
	if got := Differences(b, b); len(got) > 0 {
		t.Errorf("a filter differs from itself: %q", got)
	}
	if got := Differences(compile(specs.ActAllow), compile(specs.ActLog)); len(got) != 1 || got[0].B != "SCMP_ACT_LOG" {
		t.Errorf("other defaults: %q", got)
	}
}
