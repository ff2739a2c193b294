package seccomp

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// small is a profile with one of each: unconditional calls, arguments in both halves, a mask, alternatives and a second
// architecture.
func small() *specs.LinuxSeccomp {
	enosys := uint(38)
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86},
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"read", "write", "openat", "exit_group"}, Action: specs.ActAllow},
			{
				Names: []string{"socket"}, Action: specs.ActAllow,
				Args: []specs.LinuxSeccompArg{{Index: 0, Value: 40, Op: specs.OpNotEqual}},
			},
			{
				Names: []string{"clone"}, Action: specs.ActAllow,
				Args: []specs.LinuxSeccompArg{{Index: 0, Value: 0x7e020000, Op: specs.OpMaskedEqual}},
			},
			{
				Names: []string{"mmap"}, Action: specs.ActLog,
				Args: []specs.LinuxSeccompArg{
					{Index: 1, Value: 1 << 32, Op: specs.OpGreaterEqual},
					{Index: 2, Value: 7, Op: specs.OpEqualTo},
				},
			},
			{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &enosys},
		},
	}
}

func TestPrintGolden(t *testing.T) {
	f, err := searched(small(), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := f.Fprint(&b); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/small.bpf"
	got := b.String()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("print differs from %s; -update rewrites it\n%s", file, got)
	}
}

// TestSearchIsShort keeps the promise of the package: what Docker's profile costs.
func TestSearchIsShort(t *testing.T) {
	f, err := searched(profiles(t)["docker.json"], "amd64")
	if err != nil {
		t.Fatal(err)
	}
	s := f.Stats()
	if s.Allowed < 250 || s.AverageAllowed > 11 || s.AverageHot > 9 || s.Worst > 20 {
		t.Errorf("%+v", s)
	}
	if s.Constant < s.Allowed-5 {
		t.Errorf("only %d of %d allowed calls have an answer that the kernel can cache", s.Constant, s.Allowed)
	}
}
