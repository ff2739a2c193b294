package checkpoint

import (
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/process"
	"rt/spec"
)

func TestRightsOfRestoredProcesses(t *testing.T) {
	const kill = 1 << unix.CAP_KILL
	config := spec.Process{
		UID: 1000, GID: 1000, Groups: []uint32{5}, NoNewPrivs: true,
		Capabilities: &spec.Capabilities{Bounding: kill, Permitted: kill, Effective: kill},
	}
	for _, test := range []struct {
		name     string
		now      func(*process.Status)
		edit     func(*spec.Process)
		field    string // "" if nothing is to be said
		possible bool
	}{
		{name: "the same"},
		{name: "no filter", now: func(s *process.Status) { s.Seccomp = 0 }, field: "linux.seccomp"},
		{
			name: "no no_new_privs", now: func(s *process.Status) { s.NoNewPrivs = false },
			field: "process.noNewPrivileges",
		},
		{
			name: "bounding", now: func(s *process.Status) { s.Capabilities.Bounding |= 1 << unix.CAP_SYS_ADMIN },
			field: "process.capabilities",
		},
		{
			name: "ambient", now: func(s *process.Status) { s.Capabilities.Ambient = 1 << unix.CAP_SYS_ADMIN },
			field: "process.capabilities",
		},
		{name: "no capability left", now: func(s *process.Status) { s.Capabilities = spec.Capabilities{} }},
		{name: "saved user", now: func(s *process.Status) { s.UIDs[2] = 0 }, field: "process.user.uid"},
		{name: "group", now: func(s *process.Status) { s.Groups = []uint32{5, 0} }, field: "process.user"},
		{
			name: "a set-user-id program", now: func(s *process.Status) { s.UIDs[1] = 0 },
			field: "process.user.uid", possible: true,
			edit: func(p *spec.Process) { p.NoNewPrivs = false },
		},
		{
			name: "CAP_SETUID", now: func(s *process.Status) { s.UIDs[0] = 0 },
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
		r := &process.Status{
			UIDs: [4]uint32{1000, 1000, 1000, 1000}, GIDs: [4]uint32{1000, 1000, 1000, 1000}, Groups: []uint32{5},
			Capabilities: *config.Capabilities, NoNewPrivs: true, Seccomp: unix.SECCOMP_MODE_FILTER,
		}
		if test.now != nil {
			test.now(r)
		}
		p := config
		if test.edit != nil {
			test.edit(&p)
		}
		found := findExcesses(r, &p, true, func(id uint32, _ bool) uint32 { return id })
		switch {
		case test.field == "" && len(found) == 0:
		case len(found) != 1 || found[0].field != test.field || found[0].possible != test.possible:
			t.Errorf("%s: %+v, want %q", test.name, found, test.field)
		}
	}
}
