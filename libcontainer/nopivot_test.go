package libcontainer

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"

	"rt/libcontainer/plan"
	"rt/nsenter"
)

func TestKernelMounts(t *testing.T) {
	const table = `20 1 0:19 / / rw shared:1 - ext4 /dev/sda rw
21 20 0:20 / /proc rw shared:2 - proc proc rw
22 20 0:21 / /sys rw shared:3 - sysfs sysfs rw
23 22 0:22 / /sys/fs/cgroup rw shared:4 - cgroup2 none rw
24 20 0:23 / /srv/jail/proc ro - proc proc rw
25 24 0:24 / /srv/jail/proc rw - tmpfs none rw
26 99 0:20 / /outside rw - proc proc rw
`
	mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(table), nil)
	must(t, err)
	want := []plan.KernelMount{
		{Path: "/proc", Parent: "/"},
		{Path: "/sys", Parent: "/"},
		{Path: "/srv/jail/proc", Parent: "/"},
		{Path: "/srv/jail/proc", Parent: "/srv/jail/proc"},
		{Path: "/outside", Parent: "/"},
	}
	if got := kernelMounts(mounts); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestNoPivotLeavesTheHostItsMounts: a container that takes the host's procfs and sysfs away does so for itself alone,
// whatever the propagation, and what is mounted below them stays too.
func TestNoPivotLeavesTheHostItsMounts(t *testing.T) {
	if !apart(t) {
		return
	}
	propagation := ""
	bundle := newBundle(t, nil)
	table := func() string {
		text, err := os.ReadFile("/proc/self/mountinfo")
		must(t, err)
		return string(text)
	}
	r := &Runtime{Root: filepath.Join(t.TempDir(), "root")}
	run := func() {
		writeConfig(t, bundle, func(config map[string]any) {
			if propagation != "" {
				config["linux"].(map[string]any)["rootfsPropagation"] = propagation
			}
		})
		_, err := r.Run("no-pivot-"+strconv.Itoa(os.Getpid()),
			&RunOptions{CreateOptions: CreateOptions{Bundle: bundle, NoPivot: true}})
		must(t, err)
	}
	before := table()
	for _, propagation = range []string{"", "shared", "rshared", "slave", "unbindable"} {
		if run(); table() != before {
			t.Fatalf("%q: the host's mounts were\n%s\nand are\n%s", propagation, before, table())
		}
	}
	// Without what keeps it here it reaches the host: this is the last thing that this mount namespace is good for.
	propagation = "shared"
	r.edit = func(p *plan.Plan) {
		for i := range p.Steps {
			if s := &p.Steps[i]; s.Sentence == "do not propagate the unmount to the host" {
				s.Call, s.Args, s.Errnos = nsenter.Getpid, nil, nil
			}
		}
	}
	if run(); table() == before {
		t.Error("without the defence nothing happens to the host's mounts")
	}
}
