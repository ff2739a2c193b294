package seccomp

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

func TestErrorsNameTheField(t *testing.T) {
	n := func(v uint) *uint { return &v }
	arg := func(a specs.LinuxSeccompArg) func(p *specs.LinuxSeccomp) {
		return func(p *specs.LinuxSeccomp) {
			p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
				Names: []string{"read"}, Action: specs.ActAllow,
				Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo}, a},
			})
		}
	}
	entry := func(e specs.LinuxSyscall) func(p *specs.LinuxSeccomp) {
		return func(p *specs.LinuxSeccomp) { p.Syscalls = append(p.Syscalls, e) }
	}
	for _, c := range []struct {
		field, problem string
		edit           func(p *specs.LinuxSeccomp)
	}{
		{
			"linux.seccomp.defaultAction", "is not an action: one of SCMP_ACT_KILL_PROCESS",
			func(p *specs.LinuxSeccomp) { p.DefaultAction = "ALLOW" },
		},
		{
			"linux.seccomp.defaultErrnoRet", "SCMP_ACT_KILL returns no errno",
			func(p *specs.LinuxSeccomp) { p.DefaultAction, p.DefaultErrnoRet = specs.ActKill, n(1) },
		},
		{"linux.seccomp.defaultErrnoRet", "at most 4095", func(p *specs.LinuxSeccomp) { p.DefaultErrnoRet = n(4096) }},
		{
			"linux.seccomp.architectures[1]", "is not an architecture",
			func(p *specs.LinuxSeccomp) { p.Architectures = append(p.Architectures, "x86") },
		},
		{
			"linux.seccomp.architectures[1]", "another byte order",
			func(p *specs.LinuxSeccomp) { p.Architectures = append(p.Architectures, specs.ArchS390X) },
		},
		{
			"linux.seccomp.flags[0]", "is not a flag",
			func(p *specs.LinuxSeccomp) { p.Flags = []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_NEW_LISTENER"} },
		},
		{"linux.seccomp.listenerMetadata", "listenerPath", func(p *specs.LinuxSeccomp) { p.ListenerMetadata = "x" }},
		{"linux.seccomp.syscalls[5].action", "is not an action", entry(specs.LinuxSyscall{Names: []string{"read"}})},
		{
			"linux.seccomp.syscalls[5].errnoRet", "returns no errno",
			entry(specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActAllow, ErrnoRet: n(0)}),
		},
		{
			"linux.seccomp.syscalls[5].errnoRet", "at most 65535",
			entry(specs.LinuxSyscall{Names: []string{"read"}, Action: specs.ActTrace, ErrnoRet: n(65536)}),
		},
		{
			"linux.seccomp.syscalls[5].args[1].index", "arguments 0 to 5",
			arg(specs.LinuxSeccompArg{Index: 6, Op: specs.OpEqualTo}),
		},
		{
			"linux.seccomp.syscalls[5].args[1].op", "is not an operator: one of SCMP_CMP_NE",
			arg(specs.LinuxSeccompArg{Op: "=="}),
		},
	} {
		t.Run(c.field, func(t *testing.T) {
			p := small()
			c.edit(p)
			_, _, err := Compile(p, "amd64")
			var e *diag.Error
			if !errors.As(err, &e) || e.Field != c.field || !strings.Contains(e.Problem, c.problem) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, _, err := Compile(small(), "wasm"); err == nil {
		t.Error("compiled for wasm")
	}
}

func TestUnknownNamesAreWarnings(t *testing.T) {
	p := small()
	p.Syscalls[0].Names = append(p.Syscalls[0].Names, "frobnicate", "sys_read")
	_, warnings, err := Compile(p, "amd64")
	if err != nil || len(warnings) != 2 || !strings.HasPrefix(warnings[0],
		`linux.seccomp.syscalls[0].names[4] "frobnicate": `) {
		t.Errorf("%q, %v", warnings, err)
	}
}

// A recorder that saw no call writes a rule without names. It compiles as if the rule were absent.
func TestRuleWithoutNamesIsAWarning(t *testing.T) {
	plain, _, err := Compile(small(), "amd64")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"linux.seccomp.syscalls[5].names: is empty: the rule has no effect"}
	for _, action := range []specs.LinuxSeccompAction{specs.ActErrno, specs.ActNotify} {
		p := small()
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Action: action})
		got, warnings, err := Compile(p, "amd64")
		if err != nil || !slices.Equal(warnings, want) || got.Notify {
			t.Fatalf("%s: warnings %q, error %v", action, warnings, err)
		}
		if !slices.Equal(got.Prog, plain.Prog) {
			t.Errorf("%s: the rule changes the program", action)
		}
	}
}

func TestTooManyInstructions(t *testing.T) {
	if Backend() != "rt" {
		t.Skip("libseccomp takes minutes for so many rules on one call")
	}
	p := small()
	for i := range uint64(1500) {
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
			Names: []string{"ioctl"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{
				{Index: 0, Value: i, Op: specs.OpEqualTo},
				{Index: 1, Value: i, Op: specs.OpEqualTo},
			},
		})
	}
	_, _, err := Compile(p, "amd64")
	if err == nil || !strings.Contains(err.Error(), "linux.seccomp.syscalls") ||
		!strings.Contains(err.Error(), "4096") {
		t.Errorf("got %v", err)
	}
}

// TestFarJumps compiles leaves that a conditional jump can't reach across.
func TestFarJumps(t *testing.T) {
	p := small()
	for i := range uint64(150) {
		for _, name := range []string{"ioctl", "prctl", "mount"} {
			p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
				Names: []string{name}, Action: actions[i%9].name,
				Args: []specs.LinuxSeccompArg{{Index: 1, Value: i << 30, Op: specs.OpEqualTo}},
			})
		}
	}
	f, err := searched(p, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Prog) < 1000 || !slices.ContainsFunc(f.Prog,
		func(i unix.SockFilter) bool { return i.Code == unix.BPF_JMP|unix.BPF_JA }) {
		t.Fatalf("%d instructions and no far jump: this tests nothing", len(f.Prog))
	}
	var some [][6]uint64
	for i, a := range argsOf(p) {
		if i%7 == 0 {
			some = append(some, a)
		}
	}
	requireMeaning(t, f, some)
}

func TestFlags(t *testing.T) {
	notify := specs.LinuxSyscall{Names: []string{"mkdir"}, Action: specs.ActNotify}
	for _, c := range []struct {
		name   string
		words  []specs.LinuxSeccompFlag
		notify bool
		want   uint32
	}{
		{"absent", nil, false, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{"empty", []specs.LinuxSeccompFlag{}, false, 0},
		{"log", []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog}, false, unix.SECCOMP_FILTER_FLAG_LOG},
		{"killable without listener", []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv}, false, 0},
		{
			"killable",
			[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv},
			true,
			waitKillableRecv | unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		},
		{
			"tsync with listener",
			[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC"},
			true,
			unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
				unix.SECCOMP_FILTER_FLAG_NEW_LISTENER,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := small()
			p.Flags = c.words
			if c.notify {
				p.Syscalls = append(p.Syscalls, notify)
			}
			f, _, err := Compile(p, "amd64")
			if err != nil || f.Flags != c.want || f.Notify != c.notify {
				t.Errorf("flags %#x, notify %v, error %v", f.Flags, f.Notify, err)
			}
		})
	}
}

func TestCheckDeadlock(t *testing.T) {
	start := []uint32{unix.SYS_SENDMSG, unix.SYS_EXECVE}
	for _, c := range []struct {
		name  string
		entry specs.LinuxSyscall
		field string
	}{
		{"another call", specs.LinuxSyscall{Names: []string{"mkdirat"}, Action: specs.ActNotify}, ""},
		{
			"the hand-over",
			specs.LinuxSyscall{Names: []string{"mkdirat", "sendmsg"}, Action: specs.ActNotify},
			"linux.seccomp.syscalls[5].action",
		},
		{"with an argument", specs.LinuxSyscall{
			Names: []string{"execve"}, Action: specs.ActNotify,
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: 1, Op: specs.OpGreaterThan}},
		}, "linux.seccomp.syscalls[5].action"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := small()
			p.Syscalls = append(p.Syscalls, c.entry)
			f, err := searched(p, runtime.GOARCH)
			if err != nil {
				t.Fatal(err)
			}
			err = f.CheckDeadlock(start)
			var e *diag.Error
			if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &e) || e.Field != c.field) {
				t.Errorf("got %v", err)
			}
		})
	}
	all, err := searched(RecordingProfile([]string{"sendmsg"}), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if all.CheckDeadlock(start[:1]) != nil || all.CheckDeadlock(start) == nil {
		t.Error("a recording notifies every call but the ones it starts with")
	}
}
