package plan

import (
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/libcontainer/plan/rules"
	"rt/nsenter"
	"rt/spec"
)

// TestRulesNotice takes steps out of plans that keep the rules: the rule that wants them must say so.
func TestRulesNotice(t *testing.T) {
	const joined = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"},
		{"type": "user"}],
		"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 9}],
		"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 9}]}}`
	const user = `{"root": {"readonly": true}, "process": {"cwd": "/home/u", "user": {"uid": 1000, "gid": 1000}}}`
	const secure = `{"process": {"noNewPrivileges": true}, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}}}`
	for _, test := range []struct {
		rule, without, config string
		exec, old             bool
	}{
		{rule: "R1", without: `^close_range\(3`, config: `{}`},
		{rule: "R1", without: `^close_range\(7`, config: `{}`},
		{rule: "R1", without: `^close_range\(`, config: `{"linux": {"rootfsPropagation": "shared"}}`},
		{rule: "R1", without: `^close\(\$cwd`, config: user},
		{rule: "R1", without: `^close\(\$root`, config: user},
		{rule: "R1", without: `^fchdir`, config: `{}`},
		{rule: "R1", without: `^close_range\(5`, config: `{}`, exec: true},
		{rule: "R2", without: `^mount_setattr.*restrict the copy`, config: `{"linux": {"maskedPaths": ["/secret"]}}`},
		{
			rule: "R2", without: `^mount_setattr.*restrict it`,
			config: `{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}]}}`,
		},
		{
			rule: "R2", without: `^mount\(NULL.*restrict it`, config: `{"linux": {"maskedPaths": ["/secret"]}}`,
			old: true,
		},
		{rule: "R3", without: `PR_SET_DUMPABLE.*no process`, config: joined},
		{rule: "R3", without: `PR_SET_DUMPABLE.*dumpable flag again`, config: joined},
		{rule: "R3", without: `PR_SET_DUMPABLE.*no process`, config: `{}`, exec: true},
		{rule: "R3", without: `PR_SET_DUMPABLE.*dumpable flag again`, config: `{}`, exec: true},
		{rule: "R4", without: `CAP_SYS_ADMIN`, config: `{}`},
		{rule: "R4", without: `CAP_BPF`, config: `{}`, exec: true},
		{rule: "R4", without: `^capset.*capabilities of the program`, config: `{}`},
		{rule: "R4", without: `^capset.*capabilities of the program`, config: `{}`, exec: true},
		{rule: "R1", without: `close the descriptors`, config: neighbours},
		{rule: "R3", without: `PR_SET_DUMPABLE.*no process`, config: neighbours},
		{rule: "R4", without: `CAP_SYS_ADMIN`, config: neighbours},
		{rule: "R4", without: `^capset.*capabilities of the program`, config: neighbours},
		{rule: "R4", without: `NO_NEW_PRIVS`, config: secure},
		{rule: "R4", without: `^seccomp`, config: secure},
	} {
		name := test.rule + " without " + test.without
		s, f := config(t, test.config), modern()
		if test.old {
			f = linux510()
		}
		o := options(s, &f)
		o.Filter = filter(t, s)
		p, err := Compile(s, &f, o)
		if test.exec {
			p, err = CompileExec(s, &f, execOptions(s, &f))
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		re, dropped := regexp.MustCompile(test.without), 0
		for i := range p.Steps {
			if st := &p.Steps[i]; re.MatchString(p.Text(i) + "  # " + st.Sentence) {
				*st = nsenter.Step{Call: nsenter.Getpid, Number: st.Number, Then: st.Then}
				dropped++
			}
		}
		c := newCompiler(input{spec: s, host: &f, opt: o, joins: map[bool]joins{true: joinsProcess}[test.exec]})
		c.plan = *p
		if err := c.check(); dropped == 0 || err == nil ||
			!strings.Contains(err.Error(), "breaks its rule "+test.rule+" ") {
			t.Errorf("%s: %d steps are gone, and the rules say: %v", name, dropped, err)
		}
	}
}

// neighbours has a process meet others in their pid namespace, and no user namespace.
const neighbours = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"}]},
	"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}`

// TestRuleOfNeighbours has a process be born among others before it has lost rt's rights, as on kernels where it must.
func TestRuleOfNeighbours(t *testing.T) {
	s, f := config(t, neighbours), modern()
	o := options(s, &f)
	o.ProcPidNS = false
	p, err := Compile(s, &f, o)
	if err != nil || p.ClonedLast {
		t.Fatalf("%v, cloned last: %v", err, p.ClonedLast)
	}
	c := newCompiler(input{spec: s, host: &f, opt: o})
	c.plan = *p
	for _, trusting := range []bool{false, true} {
		subject := rules.Subject{Program: &p.Program, Rights: c.grantedRights(), Rootfs: s.Rootfs, Trusting: trusting}
		for i := range p.Files {
			subject.Harmless = append(subject.Harmless, harmless(p.Files[i].Kind))
		}
		if err := rules.Check(&subject); (err == nil) != trusting {
			t.Errorf("trusting %v: %v", trusting, err)
		}
	}
}

// TestRuleOfNames has plans that keep the rules change what a name leads to a second time.
func TestRuleOfNames(t *testing.T) {
	const bind = `{"mounts": [{"destination": "/data", "type": "bind", "source": "/srv", "options": ["rbind"]}]}`
	attr := nsenter.Data(strings.Repeat("\x00", 32), "")
	setattr := func(r nsenter.Reg) nsenter.Step {
		return nsenter.Step{Call: nsenter.MountSetattr, Args: []nsenter.Arg{
			nsenter.Val(r), nsenter.Str(""), nsenter.Imm(unix.AT_EMPTY_PATH), attr, nsenter.Imm(32),
		}}
	}
	remount := func(path string) nsenter.Step {
		flags := nsenter.Imm(unix.MS_REMOUNT | unix.MS_BIND | unix.MS_RDONLY)
		return nsenter.Step{Call: nsenter.Mount, Args: []nsenter.Arg{
			nsenter.Null, nsenter.Str(path), nsenter.Null,
			flags, nsenter.Null,
		}}
	}
	for name, edit := range map[string]func(find nsenter.Step) []nsenter.Step{
		"":              func(find nsenter.Step) []nsenter.Step { return []nsenter.Step{find} },
		"mount_setattr": func(find nsenter.Step) []nsenter.Step { return []nsenter.Step{find, setattr(find.To)} },
		"by name": func(find nsenter.Step) []nsenter.Step {
			return []nsenter.Step{{Call: nsenter.Fchownat, Args: []nsenter.Arg{
				find.Args[0], nsenter.Str("data"), nsenter.Imm(1), nsenter.Imm(1),
				nsenter.Imm(unix.AT_SYMLINK_NOFOLLOW),
			}}}
		},
		"by its path": func(nsenter.Step) []nsenter.Step {
			return []nsenter.Step{remount("/bundle/rootfs/data")}
		},
		"the host's": func(nsenter.Step) []nsenter.Step {
			return []nsenter.Step{remount("/bundle/rootfs-2")}
		},
		"by its own directory": func(find nsenter.Step) []nsenter.Step {
			return []nsenter.Step{find, chdir(find.To), remount(".")}
		},
		"by the number of its descriptor": func(find nsenter.Step) []nsenter.Step {
			dup := nsenter.Step{Call: nsenter.Dup3, Args: []nsenter.Arg{
				nsenter.Val(find.To), nsenter.Imm(4),
				nsenter.Imm(0),
			}}
			return []nsenter.Step{find, dup, remount("/proc/self/fd/4")}
		},
	} {
		s, f := config(t, bind), modern()
		o := options(s, &f)
		p, err := Compile(s, &f, o)
		if err != nil {
			t.Fatal(err)
		}
		var find nsenter.Step
		for i := range p.Steps {
			st := &p.Steps[i]
			if path, _ := argument(st, 1).Text(); st.Call == nsenter.Openat2 && path == "data" {
				find = *st
				find.Then, find.Else, find.Errnos = 0, 0, nsenter.Errnos{}
			}
			if st.Call == nsenter.MoveMount && st.Origin == "mounts[0]" {
				p.Steps = append(p.Steps[:i+1:i+1], edit(find)...)
				break
			}
		}
		c := newCompiler(input{spec: s, host: &f, opt: o})
		c.plan = *p
		err = c.check()
		if harmless := name == "" || name == "the host's"; harmless != (err == nil) ||
			err != nil && !strings.Contains(err.Error(), "breaks its rule R5 ") {
			t.Errorf("%q: the rules say: %v", name, err)
		}
	}
}

// TestRuleOfNumbers closes a descriptor twice: the second close would close what has its number by then.
func TestRuleOfNumbers(t *testing.T) {
	s, f := config(t, `{"linux": {"maskedPaths": ["/secret"]}}`), modern()
	o := options(s, &f)
	o.OpenFiles = 200 // so few that each descriptor is closed as soon as possible
	p, err := Compile(s, &f, o)
	if err != nil {
		t.Fatal(err)
	}
	closes := 0
	for i := range p.Steps {
		r, ok := argument(&p.Steps[i], 0).Reg()
		if !ok || p.Steps[i].Call != nsenter.Close || p.Steps[i+1].To == r {
			continue
		}
		closes++
		twice := *p
		twice.Steps = slices.Clone(p.Steps)
		twice.Steps[i+1] = p.Steps[i]
		c := newCompiler(input{spec: s, host: &f, opt: o})
		c.plan = twice
		if err := c.check(); err == nil || !strings.Contains(err.Error(), "breaks its rule R6 ") {
			t.Errorf("step %d, %s, twice: the rules say: %v", i+1, p.Text(i), err)
		}
	}
	if closes < 10 {
		t.Errorf("only %d steps close a descriptor", closes)
	}
}

func chdir(to nsenter.Reg) nsenter.Step {
	return nsenter.Step{Call: nsenter.Fchdir, Args: []nsenter.Arg{nsenter.Val(to)}}
}

// argument returns an operand of a step, or a zero one.
func argument(s *nsenter.Step, i int) *nsenter.Arg {
	if i >= len(s.Args) {
		return new(nsenter.Arg)
	}
	return &s.Args[i]
}

// TestRulesHold compiles configs that nobody would write, for every kind of host: no plan breaks a rule.
func TestRulesHold(t *testing.T) {
	rounds := 4000
	if testing.Short() {
		rounds = 500
	}
	compiled, refused := 0, 0
	for seed := range rounds {
		g := generator{rand.New(rand.NewPCG(uint64(seed), 1))}
		doc, err := json.Marshal(g.config())
		if err != nil {
			t.Fatal(err)
		}
		s, err := spec.Parse(doc, "/bundle", spec.LoadOptions{})
		if err != nil {
			refused++
			continue
		}
		f := [...]host.Facts{modern(), linux510(), cgroup1(), unprivileged(), withLSM()}[g.IntN(5)]
		o := g.options(s, &f)
		if s.Process != nil && s.OCI.Linux.Seccomp != nil {
			o.Filter = filter(t, s)
		}
		p, err := Compile(s, &f, o)
		if err == nil && s.Process != nil {
			x := &ExecOptions{Options: *o, Process: s.Process, Namespaces: s.Namespaces.New, HostBinary: g.maybe()}
			x.Wait = false
			_, err = CompileExec(s, &f, x)
		}
		if err == nil {
			// What compiles is laid out: each step reads what an earlier one has written, and jumps go forward.
			if _, e := nsenter.Assemble(&p.Program); e != nil {
				t.Fatalf("seed %d: %v\n%s", seed, e, doc)
			}
		}
		switch {
		case err == nil:
			compiled++
		case strings.Contains(err.Error(), "breaks its rule"):
			t.Fatalf("seed %d: %v\n%s", seed, err, doc)
		default:
			refused++
		}
	}
	if compiled < rounds/3 {
		t.Errorf("only %d of %d configs compiled, %d were refused", compiled, rounds, refused)
	}
}

// BenchmarkCheck is what the rules cost each create, run and exec.
func BenchmarkCheck(b *testing.B) {
	s, f := config(b, `{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
		{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
		{"destination": "/sys", "type": "sysfs", "source": "sysfs"}, {"destination": "/data", "type": "bind",
		"source": "/data", "options": ["bind", "ro"]}],
		"linux": {"maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
		"readonlyPaths": ["/proc/sys", "/proc/bus"]}}`), modern()
	o := options(s, &f)
	p, err := Compile(s, &f, o)
	if err != nil {
		b.Fatal(err)
	}
	c := newCompiler(input{spec: s, host: &f, opt: o})
	c.plan = *p
	b.ReportMetric(float64(len(p.Steps)), "steps")
	for b.Loop() {
		if err := c.check(); err != nil {
			b.Fatal(err)
		}
	}
}

// TestRulesHoldForJoined checks the program that rt reads the maps of a joined user namespace by: processes in that
// namespace may see it, so it must not be dumpable, neither before nor after it has joined.
func TestRulesHoldForJoined(t *testing.T) {
	check := func(p *nsenter.Program) error {
		return rules.Check(&rules.Subject{Program: p, Harmless: []bool{false, true}, Joining: true})
	}
	if err := check(JoinedProgram()); err != nil {
		t.Error(err)
	}
	dropped := 0
	for i := range JoinedProgram().Steps {
		p := JoinedProgram()
		if p.Steps[i].Call != nsenter.Prctl {
			continue
		}
		p.Steps[i] = nsenter.Step{Call: nsenter.Getpid, Number: p.Steps[i].Number}
		dropped++
		if err := check(p); err == nil || !strings.Contains(err.Error(), "breaks its rule R3 ") {
			t.Errorf("without step %d, the rules say: %v", i+1, err)
		}
	}
	if dropped != 2 {
		t.Errorf("%d steps change the dumpable flag, not 2", dropped)
	}
}

// TestRulesHoldForHooks checks the programs of createContainer hooks, for each set of namespaces.
func TestRulesHoldForHooks(t *testing.T) {
	kinds := [...]uintptr{unix.CLONE_NEWNS, unix.CLONE_NEWPID, unix.CLONE_NEWUSER, unix.CLONE_NEWNET}
	for set := range 1 << len(kinds) {
		var namespaces uintptr
		for i, kind := range kinds {
			if set&(1<<i) != 0 {
				namespaces |= kind
			}
		}
		if _, err := HookProgram(namespaces, "/bin/hook", []string{"hook"}, nil, 1, 0); err != nil {
			t.Errorf("%#x: %v", namespaces, err)
		}
	}
}
