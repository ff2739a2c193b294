package plan

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// execOptions are those of `rt exec` into a container of s whose namespaces differ from rt's as the config has it.
func execOptions(s *spec.Spec, f *host.Facts) *ExecOptions {
	o := &ExecOptions{Options: *options(s, f), Process: s.Process, Namespaces: s.Namespaces.New}
	o.Wait = false
	return o
}

// TestExecPlans is the table of golden plans of processes that join a container.
func TestExecPlans(t *testing.T) {
	const joinAll = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "cgroup"}, {"type": "user"},
		{"type": "time"}],
		"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
		"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`
	tests := []struct {
		name  string
		host  host.Facts
		edits []string
		set   func(*ExecOptions)
	}{
		{"exec", modern(), nil, nil},
		{"exec.linux-5.10", linux510(), nil, nil},
		{"exec.trace", modern(), nil, func(o *ExecOptions) { o.Trace = true }},
		{
			"exec-cgroup-v1", cgroup1(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "cgroup"}]}}`},
			nil,
		},
		{"exec-user-namespace", modern(), []string{joinAll}, nil},
		{
			"exec-rootless", unprivileged(),
			[]string{joinAll},
			func(o *ExecOptions) { o.SetgroupsDeny, o.CgroupFD = true, false },
		},
		{
			"exec-systemd-user", unprivileged(),
			[]string{joinAll},
			func(o *ExecOptions) { o.SetgroupsDeny, o.CgroupFD, o.AttachFirst = true, false, true },
		},
		{"exec-chroot", modern(), []string{`{"linux": {"namespaces": []}}`}, nil},
		{"exec-terminal", modern(), []string{`{"process": {"terminal": true, "user": {"uid": 1000}}}`}, nil},
		{
			"exec-signals", modern(), nil,
			func(o *ExecOptions) { o.IgnoredSignals, o.BlockedSignals = 1<<(unix.SIGHUP-1), 1<<(unix.SIGTERM-1) },
		},
		{"exec-user", modern(), []string{`{"process": {"cwd": "/home/u", "user": {"uid": 1000, "gid": 1000},
			"args": ["app"], "env": ["PATH=/usr/bin:/bin"]}}`}, nil},
		{
			"exec-host-binary", modern(), nil,
			func(o *ExecOptions) { o.HostBinary, o.PreserveFDs, o.NoNewKeyring = true, 2, true },
		},
		{
			"exec-labels", withLSM(),
			[]string{`{"process": {"apparmorProfile": "p", "selinuxLabel": "a:b:c", "oomScoreAdj": 5,
			"execCPUAffinity": {"initial": "0-1", "final": "1,9"}}}`},
			nil,
		},
		{
			"exec-rights", modern(),
			[]string{`{"process": {"user": {"uid": 1000}, "capabilities": {"bounding": ["CAP_KILL"],
				"permitted": ["CAP_KILL"],
			"effective": ["CAP_KILL"]}}, "linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}}}`},
			nil,
		},
		{
			"exec-rights-listener", modern(),
			[]string{`{` + notifyMkdir + `}`},
			func(o *ExecOptions) { o.HostBinary = true },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOARCH != "amd64" && strings.HasPrefix(test.name, "exec-rights") {
				t.Skip("the length of a filter differs between architectures")
			}
			s := config(t, test.edits...)
			o := execOptions(s, &test.host)
			o.Filter = filter(t, s)
			if test.set != nil {
				test.set(o)
			}
			p, err := CompileExec(s, &test.host, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nsenter.Assemble(&p.Program); err != nil {
				t.Fatal(err)
			}
			safe(t, p)
			parts := ""
			if strings.HasPrefix(test.name, "exec-rights") {
				parts = "rights, program"
			}
			golden(t, test.name, p, parts)
		})
	}
}

func withLSM() host.Facts {
	f := modern()
	f.AppArmor, f.SELinux = true, true
	return f
}

// safe checks what must hold for every plan of exec, whatever the config, beyond the rules that Compile has it keep:
// the process is not dumpable before it enters the first namespace and never made so again, and nothing is made or
// mounted in the container.
func safe(t *testing.T, p *Plan) {
	t.Helper()
	const never = -1
	hidden, entered, born := never, never, never
	for i := range p.Steps {
		s := &p.Steps[i]
		text := p.Text(i)
		switch s.Call {
		case nsenter.Prctl:
			if strings.HasPrefix(text, "prctl(PR_SET_DUMPABLE, ") {
				if !strings.HasPrefix(text, "prctl(PR_SET_DUMPABLE, 0,") {
					t.Errorf("step %d makes the process dumpable: %s", i+1, text)
				}
				hidden = first(hidden, i)
			}
		case nsenter.Setns:
			entered = first(entered, i)
		case nsenter.Clone:
			born = i
		case nsenter.Mkdirat, nsenter.Mknodat, nsenter.Mount, nsenter.MoveMount, nsenter.OpenTree, nsenter.Symlinkat,
			nsenter.Umount2:
			t.Errorf("step %d changes the container: %s", i+1, text)
		}
	}
	if hidden == never || hidden > born || entered != never && hidden > entered {
		t.Errorf("dumpable until step %d, in the container from step %d, born at step %d", hidden+1, entered+1, born+1)
	}
	if last := p.Steps[len(p.Steps)-1].Call; last != nsenter.Execve && last != nsenter.Execveat {
		t.Errorf("the last step is %s", last)
	}
}

func first(old, i int) int {
	if old < 0 {
		return i
	}
	return old
}

// TestExecCorpus compiles every process that a real engine wrote for exec, for every kind of host, and assembles it.
func TestExecCorpus(t *testing.T) {
	compiled := 0
	files, err := filepath.Glob("../../spec/testdata/corpus/exec-*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		process, err := spec.LoadProcess(raw)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for name, f := range map[string]host.Facts{
			"v2": modern(), "v1": cgroup1(), "5.10": linux510(),
			"user": unprivileged(),
		} {
			s := config(t)
			o := execOptions(s, &f)
			o.Process, o.Namespaces = process, unix.CLONE_NEWUSER|unix.CLONE_NEWNS|unix.CLONE_NEWPID
			f.AppArmor, f.SELinux = true, true
			p, err := CompileExec(s, &f, o)
			if err != nil {
				t.Errorf("%s on %s: %v", path, name, err)
				continue
			}
			if _, err := nsenter.Assemble(&p.Program); err != nil {
				t.Errorf("%s on %s: %v", path, name, err)
			}
			safe(t, p)
			compiled++
		}
	}
	if compiled < 8 {
		t.Errorf("only %d plans compiled: has the corpus moved?", compiled)
	}
}

// Without a label nothing of /proc is needed; with one it is the host's, for the container may have put anything at
// /proc (CVE-2019-16884).
func TestExecWritesLabelsToTheHostsProc(t *testing.T) {
	f := withLSM()
	s := config(t, `{"process": {"selinuxLabel": "a:b:c"}}`)
	p, err := CompileExec(s, &f, execOptions(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	opened := slices.IndexFunc(p.Steps, func(s nsenter.Step) bool { return s.To == regProc })
	entered := slices.IndexFunc(p.Steps, func(s nsenter.Step) bool { return s.Call == nsenter.Setns })
	if opened < 0 || opened > entered {
		t.Errorf("/proc is opened at step %d, the container is entered at step %d", opened+1, entered+1)
	}
	if slices.ContainsFunc(p.Steps, func(s nsenter.Step) bool { return s.Call == nsenter.Fsopen }) {
		t.Error("a procfs is made, which user namespaces refuse")
	}
}

func TestExecRefusals(t *testing.T) {
	f := modern()
	s := config(t)
	for want, process := range map[string]specs.Process{
		"process.apparmorProfile":     {ApparmorProfile: "p"},
		"process.selinuxLabel":        {SelinuxLabel: "a:b:c"},
		"process.user.additionalGids": {User: specs.User{AdditionalGids: []uint32{5}}},
	} {
		process.Args, process.Cwd = []string{"/bin/true"}, "/"
		p, err := spec.CheckProcess(&process, "process")
		if err != nil {
			t.Fatal(err)
		}
		o := execOptions(s, &f)
		o.Process, o.SetgroupsDeny = p, true
		if _, err := CompileExec(s, &f, o); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want an error of %s", err, want)
		}
	}
}
