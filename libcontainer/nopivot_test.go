package libcontainer

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"rt/libcontainer/plan"
	"rt/nsenter"
)

// TestNoPivotLeavesTheHostItsMounts: a container that takes the host's procfs and sysfs away does so for itself alone,
// whatever the propagation, and what is mounted below them stays too.
func TestNoPivotLeavesTheHostItsMounts(t *testing.T) {
	if !apart(t) {
		removeCgroups(t, "no-pivot-"+strconv.Itoa(os.Getpid()))
		return
	}
	propagation := ""
	bundle := newBundle(t, nil)
	table := func() string {
		text, err := os.ReadFile("/proc/self/mountinfo")
		must(t, err)
		return string(text)
	}
	r := &tested{Runtime: Runtime{Root: filepath.Join(t.TempDir(), "root")}}
	run := func() {
		writeConfig(t, bundle, func(config map[string]any) {
			if propagation != "" {
				config["linux"].(map[string]any)["rootfsPropagation"] = propagation
			}
		})
		_, err := r.run("no-pivot-"+strconv.Itoa(os.Getppid()),
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
				s.Call, s.Args, s.Errnos = nsenter.Getpid, nil, nsenter.Errnos{}
			}
		}
	}
	if run(); table() == before {
		t.Error("without the defence nothing happens to the host's mounts")
	}
}

// removeCgroups removes the cgroups of a container whose runtime has lost the mounts to do so.
func removeCgroups(t *testing.T, id string) {
	t.Helper()
	dirs, err := filepath.Glob("/sys/fs/cgroup/*/" + id)
	must(t, err)
	for _, dir := range append(dirs, "/sys/fs/cgroup/"+id) {
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	}
}
