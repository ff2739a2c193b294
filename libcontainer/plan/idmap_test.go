package plan

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
)

// TestIDMappingRefusals checks what the compiler refuses before anything is made.
func TestIDMappingRefusals(t *testing.T) {
	const (
		own = `"uidMappings": [{"containerID": 0, "hostID": 5, "size": 1}],
			"gidMappings": [{"containerID": 0, "hostID": 5, "size": 1}]`
		bind = `{"mounts": [{"destination": "/d", "source": "/s", "options": ["bind", "idmap"], ` + own + `}]}`
		user = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`
	)
	// A user whose rt has been given CAP_SYS_ADMIN, and no more.
	capable := unprivileged()
	capable.Caps = 1 << unix.CAP_SYS_ADMIN
	for name, test := range map[string]struct {
		host          host.Facts
		edits         []string
		field, reason string
	}{
		"no right":   {unprivileged(), []string{bind}, "mounts[0].uidMappings", "CAP_SYS_ADMIN"},
		"old kernel": {linux510(), []string{bind}, "mounts[0].uidMappings", "Linux 5.12"},
		"of proc": {
			modern(),
			[]string{`{"mounts": [{"destination": "/p", "type": "proc", "source": "proc", ` + own + `}]}`},
			"mounts[0].uidMappings", "no owners",
		},
		"of cgroups": {
			modern(),
			[]string{`{"mounts": [{"destination": "/c", "type": "cgroup", "source": "cgroup", ` + own + `}]}`},
			"mounts[0].uidMappings", "no owners",
		},
		"new, user namespace": {
			modern(),
			[]string{
				user,
				`{"mounts": [{"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["idmap"]}]}`,
			},
			"mounts[0].options", "only a bind mount",
		},
		"user namespace": {capable, []string{user, bind}, "mounts[0].uidMappings", "root"},
	} {
		t.Run(name, func(t *testing.T) {
			s := config(t, test.edits...)
			_, err := Compile(s, &test.host, options(s, &test.host))
			var e *diag.Error
			if !errors.As(err, &e) || e.Kind != diag.Host || e.Field != test.field ||
				!strings.Contains(e.Problem, test.reason) {
				t.Errorf("error %v, want one about %s that says %q", err, test.field, test.reason)
			}
		})
	}
}
