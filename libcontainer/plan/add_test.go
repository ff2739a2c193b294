package plan

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

// withMount returns a config that has a mount to be added.
func withMount(t *testing.T, m *specs.Mount, edits ...string) *spec.Spec {
	t.Helper()
	s, err := config(t, edits...).WithMount(m)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAddPlans is the table of golden plans of mounts that are added to a running container.
func TestAddPlans(t *testing.T) {
	const users = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
		"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
		"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`
	bind := specs.Mount{
		Destination: "/data", Type: "bind", Source: "/srv/data", Options: []string{"rbind", "ro", "nosuid", "rslave"},
	}
	both := uintptr(unix.CLONE_NEWNS | unix.CLONE_NEWUSER)
	tests := []struct {
		name    string
		host    host.Facts
		mount   specs.Mount
		edits   []string
		options AddOptions
	}{
		{"add-bind", modern(), bind, nil, AddOptions{Namespaces: unix.CLONE_NEWNS, Source: SourceDir}},
		{"add-bind-user-namespace", modern(), bind, []string{users}, AddOptions{Namespaces: both, Source: SourceDir}},
		{"add-bind-rootless", unprivileged(), bind, []string{users}, AddOptions{Namespaces: both, Source: SourceDir}},
		{
			"add-tmpfs", modern(),
			specs.Mount{Destination: "/a/b", Type: "tmpfs", Source: "scratch", Options: []string{"ro", "size=1m"}},
			nil,
			AddOptions{Namespaces: unix.CLONE_NEWNS, ModeLater: true},
		},
		{
			"add-idmap", modern(),
			specs.Mount{Destination: "/data", Type: "bind", Source: "/srv", Options: []string{"bind", "idmap"}},
			[]string{users},
			AddOptions{Namespaces: both, Source: SourceFile},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := CompileAdd(withMount(t, &test.mount, test.edits...), &test.host, &test.options)
			if err != nil {
				t.Fatal(err)
			}
			addedSafely(t, p, nsenter.MoveMount)
			golden(t, test.name, p, "")
		})
	}
	for name, namespaces := range map[string]uintptr{"remove": unix.CLONE_NEWNS, "remove-user-namespace": both} {
		t.Run(name, func(t *testing.T) {
			f := modern()
			p, err := CompileRemove(config(t), &f, "/data", &AddOptions{Namespaces: namespaces})
			if err != nil {
				t.Fatal(err)
			}
			addedSafely(t, p, nsenter.Umount2)
			golden(t, name, p, "")
		})
	}
}

// addedSafely checks what must hold beyond the rules: the process is not dumpable before it enters a namespace of the
// container, it looks up no path of the host's afterwards, and what rt has to record or compare comes right before the
// step that matters.
func addedSafely(t *testing.T, p *Plan, last nsenter.Call) {
	t.Helper()
	if _, err := nsenter.Assemble(&p.Program); err != nil {
		t.Fatal(err)
	}
	hidden, entered, told, done := false, false, false, false
	for i := range p.Steps {
		s := &p.Steps[i]
		switch {
		case s.Call == nsenter.Prctl && s.Sentence[:5] == "clear":
			hidden = true
		case s.Call == nsenter.Setns:
			if !hidden {
				t.Errorf("step %d: the process may be dumpable", i+1)
			}
			flags, _ := p.Known(&s.Args[1])
			entered = entered || flags&unix.CLONE_NEWNS != 0
		case s.Call == nsenter.OpenTree && entered:
			t.Errorf("step %d: the source is looked up in the container", i+1)
		case SyncPointOf(s) == SyncAdd || SyncPointOf(s) == SyncRemove:
			told = true
		case s.Call == last:
			if !told {
				t.Errorf("step %d: rt does not know of it", i+1)
			}
			done = true
		}
	}
	if !entered || !done {
		t.Errorf("entered %v, done %v", entered, done)
	}
}

// TestAddNeedsRights has an rt that can clone no mount of the host's: it must not clone the container's instead.
func TestAddNeedsRights(t *testing.T) {
	f := modern()
	f.MayMount = false
	m := specs.Mount{Destination: "/data", Type: "bind", Source: "/srv"}
	_, err := CompileAdd(withMount(t, &m), &f, &AddOptions{Namespaces: unix.CLONE_NEWNS})
	if err == nil {
		t.Error("a source of the container is taken for one of the host")
	}
}
