package seccomp

import (
	"errors"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
)

func TestRefusal(t *testing.T) {
	onArg := []specs.LinuxSeccompArg{{Index: 0, Value: 1, Op: specs.OpEqualTo}}
	entry := func(action specs.LinuxSeccompAction, args []specs.LinuxSeccompArg) []specs.LinuxSyscall {
		return []specs.LinuxSyscall{
			{Names: []string{"read"}, Action: action},
			{Names: []string{"execve"}, Action: action, Args: args},
		}
	}
	for name, c := range map[string]struct {
		byDefault specs.LinuxSeccompAction
		entries   []specs.LinuxSyscall
		field     string // "" if execve may happen
	}{
		"no entry":            {specs.ActErrno, nil, "linux.seccomp.defaultAction"},
		"an entry":            {specs.ActAllow, entry(specs.ActKillProcess, nil), "linux.seccomp.syscalls[1].action"},
		"trap":                {specs.ActAllow, entry(specs.ActTrap, nil), "linux.seccomp.syscalls[1].action"},
		"an argument decides": {specs.ActAllow, entry(specs.ActErrno, onArg), ""},
		"allowed":             {specs.ActErrno, entry(specs.ActAllow, nil), ""},
		"allowed by argument": {specs.ActErrno, entry(specs.ActAllow, onArg), ""},
		"an agent decides":    {specs.ActErrno, entry(specs.ActNotify, nil), ""},
		"logged":              {specs.ActLog, nil, ""},
	} {
		f, _, err := Compile(&specs.LinuxSeccomp{DefaultAction: c.byDefault, Syscalls: c.entries}, "amd64")
		if err != nil {
			t.Fatal(err)
		}
		number, _ := archs[0].number(lookup("execve"))
		e := f.CheckNeeded(number, "which starts")
		if (e != nil) != (c.field != "") || e != nil && e.Field != c.field {
			t.Errorf("%s: %v", name, e)
		}
		if e != nil && f.Allows(number) {
			t.Errorf("%s: the program allows it", name)
		}
	}
}

// All problems of a profile come at once.
func TestAllProblems(t *testing.T) {
	p := &specs.LinuxSeccomp{
		DefaultAction: "X", Architectures: []specs.Arch{"Y"}, Flags: []specs.LinuxSeccompFlag{"Z"},
		ListenerMetadata: "m",
		Syscalls: []specs.LinuxSyscall{{Action: "X"}, {
			Names: []string{"read"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Index: 7, Op: "="}},
		}},
	}
	_, _, err := Compile(p, "amd64")
	if e, ok := errors.AsType[*diag.Error](err); !ok || len(e.More) != 6 {
		t.Fatalf("got %v", err)
	}
}
