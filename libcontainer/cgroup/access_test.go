package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/libcontainer/host"
)

// TestDropInaccessible has two hierarchies; in one of them nothing can be made, since its parent is a file.
func TestDropInaccessible(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "closed"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open := hierarchy{list: "name=systemd", dir: dir + "/deep/er/web1"}
	closed := hierarchy{list: "pids", dir: dir + "/closed/web1"}
	limit := int64(5)
	for name, test := range map[string]struct {
		rootless    bool
		path        string
		hierarchies []hierarchy
		resources   *specs.LinuxResources
		want        int
	}{
		"one of two":            {true, "", []hierarchy{open, closed}, nil, 1},
		"none":                  {true, "", []hierarchy{closed}, nil, 0},
		"all":                   {true, "", []hierarchy{open}, nil, 1},
		"root tries":            {false, "", []hierarchy{open, closed}, nil, 2},
		"a path that is wanted": {true, "/web1", []hierarchy{open, closed}, nil, 2},
		"a limit needs it": {
			true, "",
			[]hierarchy{open, closed},
			&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}, 2,
		},
		"a limit needs any": {
			true, "",
			[]hierarchy{closed},
			&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := convert(test.resources, host.CgroupV1)
			if err != nil {
				t.Fatal(err)
			}
			g := groupOf(&cgroupSet{
				driver:      Cgroupfs,
				mode:        host.CgroupV1,
				rootless:    test.rootless,
				hierarchies: test.hierarchies,
				limits:      l,
				config:      Config{Path: test.path},
			})
			g.DropInaccessible()
			if len(g.hierarchies) != test.want {
				t.Errorf("%d hierarchies are left, want %d", len(g.hierarchies), test.want)
			}
		})
	}
}
