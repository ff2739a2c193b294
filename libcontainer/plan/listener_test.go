package plan

import (
	"errors"
	"strings"
	"testing"

	"rt/internal/diag"
	"rt/nsenter"
)

// TestNoListener has profiles whose agent could never answer.
func TestNoListener(t *testing.T) {
	const listens = `"listenerPath": "/run/agent.sock", `
	for name, test := range map[string]struct{ seccomp, field, problem string }{
		"nobody listens": {
			`"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]`,
			"linux.seccomp.listenerPath", "is absent",
		},
		"the agent would be asked how it gets its listener": {
			listens + `"defaultAction": "SCMP_ACT_ALLOW",
				"syscalls": [{"names": ["mkdir", "sendmsg"], "action": "SCMP_ACT_NOTIFY"}]`,
			"linux.seccomp.syscalls[0].action", "would stop sendmsg",
		},
		"by default": {
			listens + `"defaultAction": "SCMP_ACT_NOTIFY"`, "linux.seccomp.defaultAction",
			"would stop dup3",
		},
		"the way is closed": {
			listens + `"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["dup3", "sendmsg", "execve"],
				"action": "SCMP_ACT_ALLOW"},
				{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]`,
			"linux.seccomp.defaultAction", "forbids read",
		},
		"the way is closed by an entry": {
			listens + `"defaultAction": "SCMP_ACT_ALLOW",
				"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"},
				{"names": ["dup3"], "action": "SCMP_ACT_KILL_PROCESS"}]`,
			"linux.seccomp.syscalls[1].action", "forbids dup3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := config(t, `{"linux": {"seccomp": {`+test.seccomp+`}}}`), modern()
			o := options(s, &f)
			o.Filter = filter(t, s)
			_, err := Compile(s, &f, o)
			var e *diag.Error
			if !errors.As(err, &e) || e.Field != test.field || !strings.Contains(e.Problem, test.problem) {
				t.Errorf("%+v", err)
			}
			x := execOptions(s, &f)
			x.Filter = o.Filter
			if _, again := CompileExec(s, &f, x); again == nil || again.Error() != err.Error() {
				t.Errorf("of exec: %v", again)
			}
		})
	}
}

// TestPassCalls holds passCalls to the plan: what stands between the loading of a filter and the sync point at
// which its listener is passed.
func TestPassCalls(t *testing.T) {
	s, f := config(t, `{`+notifyMkdir+`}`), modern()
	o := options(s, &f)
	o.Filter = filter(t, s)
	p, err := Compile(s, &f, o)
	if err != nil {
		t.Fatal(err)
	}
	var calls []nsenter.Call
	loaded := false
	for i := range p.Steps {
		if loaded {
			calls = append(calls, p.Steps[i].Call)
		}
		loaded = loaded || p.Steps[i].Call == nsenter.Seccomp
		if SyncPointOf(&p.Steps[i]) == SyncListener {
			break
		}
	}
	if len(calls) != len(passCalls) {
		t.Fatalf("the calls are %v", calls)
	}
	for i := range calls {
		if calls[i] != passCalls[i] {
			t.Errorf("call %d is %v, not %v", i, calls[i], passCalls[i])
		}
	}
}
