package cgroup

import (
	"runtime"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestWithoutRights is what an ordinary user gets. It gives up root for one thread, which ends with the test.
func TestWithoutRights(t *testing.T) {
	needRights(t)
	limit := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(10))}}
	for _, tc := range []struct {
		name string
		c    Config
		want string // "" is success, without a cgroup
	}{
		{"nothing asked for", Config{ID: "x", Rootless: true}, ""},
		{"device rules", Config{
			ID: "x", Rootless: true,
			Resources: &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}},
		}, ""},
		{"a limit", Config{ID: "x", Rootless: true, Resources: limit}, "linux.resources.pids.limit: "},
		{"a path", Config{ID: "x", Path: "/rt-test-path", Rootless: true}, `linux.cgroupsPath "/rt-test-path": `},
		{"root without rights", Config{ID: "x"}, "the cgroup " + root},
		{"root has made it", Config{ID: "rt-test-taken", Rootless: true}, ""},
		{
			"root has made the path",
			Config{ID: "x", Path: "/rt-test-taken", Rootless: true},
			`linux.cgroupsPath "/rt-test-taken": the cgroup ` + root,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if strings.HasPrefix(tc.name, "root has made") {
				g, err := New(tc.c)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range g.hierarchies {
					if err := unix.Mkdir(p.dir, 0o755); err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _ = unix.Rmdir(p.dir) })
				}
			}
			done := make(chan struct{})
			var g *Group
			var err error
			go func() {
				defer close(done)
				runtime.LockOSThread() // and never unlocked: the thread must not be used again
				if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
					err = errno
					return
				}
				if g, err = New(tc.c); err == nil {
					err = create(g)
				}
			}()
			<-done
			if tc.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.want) || !strings.Contains(err.Error(), "EACCES") {
					t.Errorf("got %v, want %s", err, tc.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if g.Available() || len(g.Hierarchies()) != 0 || len(g.Saved().Paths) != 0 {
				t.Errorf("has a cgroup: %+v", g.Saved())
			}
			without(t, g)
		})
	}
}

// --cgroup-manager disabled makes no cgroup, also where rt could.
func TestDisabled(t *testing.T) {
	limit := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(10))}}
	devices := &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}
	if _, err := New(Config{ID: "x", Disabled: true, Resources: limit}); err == nil ||
		!strings.HasPrefix(err.Error(), "linux.resources.pids.limit: ") {
		t.Errorf("a limit that nobody keeps: %v", err)
	}
	g, err := New(Config{ID: "x", Disabled: true, Path: "/rt-test-path", Resources: devices})
	if err == nil {
		err = create(g)
	}
	if err != nil {
		t.Fatal(err)
	}
	if s := g.Saved(); g.Available() || s.Driver != Disabled || len(s.Paths) != 0 {
		t.Errorf("has a cgroup: %+v", s)
	}
	without(t, g)
}

// without checks that everything has a meaning for a container that has no cgroup.
func without(t *testing.T, g *Group) {
	t.Helper()
	loaded, err := Load(g.Saved())
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []*Group{g, loaded} {
		if fd, err := g.OpenDir(); fd != -1 || err != nil {
			t.Errorf("Dir: %d, %v", fd, err)
		}
		if joins, err := g.OpenJoins(); len(joins) != 0 || err != nil {
			t.Errorf("Joins: %v, %v", joins, err)
		}
		if pids, err := g.Pids(); len(pids) != 0 || err != nil {
			t.Errorf("Pids: %v, %v", pids, err)
		}
		if frozen, err := g.Frozen(); frozen || err != nil {
			t.Errorf("Frozen: %v, %v", frozen, err)
		}
		if oom, err := g.OOMKilled(); oom || err != nil {
			t.Errorf("OOMKilled: %v, %v", oom, err)
		}
		for name, err := range map[string]error{
			"Attach": g.Attach(1), "Kill": g.Kill(unix.SIGKILL),
			"Destroy": g.Destroy(),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, statsErr := g.Stats()
		update := g.Update(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(1))}})
		for name, err := range map[string]error{"Freeze": g.Freeze(), "Stats": statsErr, "Update": update} {
			if err == nil || !strings.Contains(err.Error(), "no cgroup of its own") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
