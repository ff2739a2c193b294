package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/libcontainer/host"
)

// TestForesee has two hierarchies; in one of them nothing can be made, since its parent is a file.
func TestForesee(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "closed"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open := place{list: "name=systemd", dir: dir + "/deep/er/web1"}
	closed := place{list: "pids", dir: dir + "/closed/web1"}
	limit := int64(5)
	for name, test := range map[string]struct {
		rootless  bool
		path      string
		places    []place
		resources *specs.LinuxResources
		want      int
	}{
		"one of two":            {true, "", []place{open, closed}, nil, 1},
		"none":                  {true, "", []place{closed}, nil, 0},
		"all":                   {true, "", []place{open}, nil, 1},
		"root tries":            {false, "", []place{open, closed}, nil, 2},
		"a path that is wanted": {true, "/web1", []place{open, closed}, nil, 2},
		"a limit needs it":      {true, "", []place{open, closed}, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}, 2},
		"a limit needs any":     {true, "", []place{closed}, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := convert(test.resources, host.CgroupV1)
			if err != nil {
				t.Fatal(err)
			}
			g := &Group{driver: Cgroupfs, mode: host.CgroupV1, rootless: test.rootless, places: test.places, limits: l, config: Config{Path: test.path}}
			g.Foresee()
			if len(g.places) != test.want {
				t.Errorf("%d places are left, want %d", len(g.places), test.want)
			}
		})
	}
}
