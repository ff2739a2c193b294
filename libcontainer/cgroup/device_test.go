package cgroup

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The rules of these tests are about kmsg, which no default allows.
var (
	kmsgMajor, kmsgMinor = int64(1), int64(11)

	denyAll  = specs.LinuxDeviceCgroup{Allow: false, Access: "rwm"}
	allowAll = specs.LinuxDeviceCgroup{Allow: true, Access: "rwm"}
)

func kmsg(allow bool, access string) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: allow, Type: "c", Major: &kmsgMajor, Minor: &kmsgMinor, Access: access}
}

// may asks the kernel: what a process in the cgroup can do to /dev/null and to kmsg.
func may(t *testing.T, g *Group) string {
	t.Helper()
	node := filepath.Join(t.TempDir(), "kmsg")
	if err := unix.Mknod(node, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 11))); err != nil {
		t.Fatal(err)
	}
	const script = `read -r go
		for f in "$@"; do (: <"$f") 2>/dev/null && echo "r$f"; (: >>"$f") 2>/dev/null && echo "w$f"; done
		mknod "$2.m" c 1 11 && echo m; true`
	c := exec.Command("sh", "-c", script, "sh", "/dev/null", node)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Attach(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(out.String(), node, "kmsg")), " ")
}

// TestDefaultRules names devices of the machine's that no container gets by default.
func TestDefaultRules(t *testing.T) {
	rules, err := parseRules(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]rule{
		"the machine's console":     {true, 'c', 5, 1, read | write},
		"the first virtual console": {true, 'c', 4, 1, read | write},
		"mem":                       {true, 'c', 1, 1, read | write}, "kmsg": {true, 'c', 1, 11, read | write},
		"a disk": {true, 'b', 8, 0, read | write},
		"fuse":   {true, 'c', 10, 229, read | write}, "kvm": {true, 'c', 10, 232, read | write},
	} {
		for _, r := range rules[1:] {
			if r.overlaps(d) {
				t.Errorf("%s: rule %q allows it", name, r)
			}
		}
	}
}

func TestDevices(t *testing.T) {
	for name, tc := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		want  string
	}{
		"none":       {nil, "r/dev/null w/dev/null m"},
		"deny":       {[]specs.LinuxDeviceCgroup{denyAll}, "r/dev/null w/dev/null m"},
		"allow all":  {[]specs.LinuxDeviceCgroup{allowAll}, "r/dev/null w/dev/null rkmsg wkmsg m"},
		"allow read": {[]specs.LinuxDeviceCgroup{denyAll, kmsg(true, "r")}, "r/dev/null w/dev/null rkmsg m"},
		"deny write": {[]specs.LinuxDeviceCgroup{allowAll, kmsg(false, "w")}, "r/dev/null w/dev/null rkmsg m"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGroup(t, &specs.LinuxResources{Devices: tc.rules})
			if err := create(g); err != nil {
				t.Fatal(err)
			}
			if got := may(t, g); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestUpdateDevices(t *testing.T) {
	const less, more = "r/dev/null w/dev/null m", "r/dev/null w/dev/null rkmsg wkmsg m"
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	sleeper(t, g)
	for _, step := range []struct {
		rules []specs.LinuxDeviceCgroup
		want  string
	}{
		{[]specs.LinuxDeviceCgroup{denyAll, kmsg(true, "rw")}, more},
		{nil, more},
		{[]specs.LinuxDeviceCgroup{denyAll}, less},
		{[]specs.LinuxDeviceCgroup{allowAll}, more},
		{[]specs.LinuxDeviceCgroup{denyAll, kmsg(true, "rw")}, more},
	} {
		loaded, err := Load(g.Saved())
		if err != nil {
			t.Fatal(err)
		}
		if err := loaded.Update(&specs.LinuxResources{Devices: step.rules}); err != nil {
			t.Fatal(err)
		}
		if got := may(t, g); got != step.want {
			t.Errorf("%+v: got %s, want %s", step.rules, got, step.want)
		}
		loaded.Close()
	}
	if frozen, err := g.Frozen(); frozen || err != nil {
		t.Errorf("left frozen: %v, %v", frozen, err)
	}
	if g.mode == host.CgroupV2 {
		return
	}
	// The same again, in a cgroup that the kernel would not let be emptied.
	if err := unix.Mkdir(g.dir("devices")+"/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.Update(&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{
		denyAll,
		kmsg(true, "rw"),
	}}); err != nil {
		t.Errorf("what holds already: %v", err)
	}
	if err := g.Update(&specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{denyAll}}); err == nil {
		t.Error("a change in a cgroup with children succeeded: the kernel has changed, and holds may go")
	}
}
