package checkpoint

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/spec"
)

const statusOfProcess = `Name:	sh
Uid:	1000	1000	1000	1000
Gid:	1000	1000	1000	1000
Groups:	5
CapInh:	0000000000000000
CapPrm:	0000000000000020
CapEff:	0000000000000020
CapBnd:	0000000000000020
CapAmb:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
`

func TestRightsOfRestoredProcesses(t *testing.T) {
	const kill = 1 << unix.CAP_KILL
	config := spec.Process{
		UID: 1000, GID: 1000, Groups: []uint32{5}, NoNewPrivs: true,
		Capabilities: &spec.Capabilities{Bounding: kill, Permitted: kill, Effective: kill},
	}
	for _, test := range []struct {
		name, was, is string
		edit          func(*spec.Process)
		field         string // "" if nothing is to be said
		possible      bool
	}{
		{name: "the same"},
		{name: "no filter", was: "Seccomp:\t2", is: "Seccomp:\t0", field: "linux.seccomp"},
		{name: "no no_new_privs", was: "NoNewPrivs:\t1", is: "NoNewPrivs:\t0", field: "process.noNewPrivileges"},
		{
			name: "bounding", was: "CapBnd:\t0000000000000020", is: "CapBnd:\t0000000000200020",
			field: "process.capabilities",
		},
		{
			name: "ambient", was: "CapAmb:\t0000000000000000", is: "CapAmb:\t0000000000200000",
			field: "process.capabilities",
		},
		{name: "no capability left", was: "0000000000000020", is: "0000000000000000"},
		{name: "saved user", was: "1000\t1000\t1000\nGid", is: "1000\t0\t1000\nGid", field: "process.user.uid"},
		{name: "group", was: "Groups:\t5", is: "Groups:\t5 0", field: "process.user"},
		{
			name: "a set-user-id program", was: "Uid:\t1000\t1000", is: "Uid:\t1000\t0",
			field: "process.user.uid", possible: true,
			edit: func(p *spec.Process) { p.NoNewPrivs = false },
		},
		{
			name: "CAP_SETUID", was: "Uid:\t1000", is: "Uid:\t0",
			edit: func(p *spec.Process) {
				p.Capabilities = &spec.Capabilities{
					Bounding:  1<<unix.CAP_SETUID | kill,
					Permitted: 1<<unix.CAP_SETUID | kill,
				}
			},
		},
		{
			name: "root gets the bounding set",
			edit: func(p *spec.Process) {
				p.NoNewPrivs = false
				p.Capabilities = &spec.Capabilities{
					Bounding:  1<<unix.CAP_SETUID | kill,
					Permitted: 1 << unix.CAP_SETUID,
				}
				p.UID = 0
			},
		},
	} {
		text := statusOfProcess
		if test.was != "" {
			text = strings.ReplaceAll(text, test.was, test.is)
		}
		r, ok := parseRights(text)
		if !ok {
			t.Fatalf("%s: not understood", test.name)
		}
		p := config
		if test.edit != nil {
			test.edit(&p)
		}
		found := r.excesses(&p, true, func(id uint32, _ bool) uint32 { return id })
		switch {
		case test.field == "" && len(found) == 0:
		case len(found) != 1 || found[0].field != test.field || found[0].possible != test.possible:
			t.Errorf("%s: %+v, want %q", test.name, found, test.field)
		}
	}
	if _, ok := parseRights(strings.Replace(statusOfProcess, "Seccomp:", "Filters:", 1)); ok {
		t.Error("a status without a line is understood")
	}
	if _, ok := parseRights(strings.Replace(statusOfProcess, "CapPrm:\t0", "CapPrm:\tx", 1)); ok {
		t.Error("a status with a wrong number is understood")
	}
}
