package cgroup

import (
	"strings"
	"testing"

	"rt/libcontainer/host"
)

func TestInner(t *testing.T) {
	for _, tc := range []struct{ path, want, problem string }{
		{"", "web1", ""},
		{"/a/b", "/a/b", ""},
		{"a/b", "a/b", ""},
		{"//a/./b/", "/a/b", ""},
		{"/a..b", "/a..b", ""},
		{"../x", "", `".."`},
		{"/a/../b", "", `".."`},
		{"/..", "", `".."`},
		{"/", "", "root of the hierarchy"},
		{".", "", "root of the hierarchy"},
	} {
		got, err := innerPath(tc.path, "web1")
		switch {
		case tc.problem == "" && (err != nil || got != tc.want):
			t.Errorf("%q: got %q, %v, want %q", tc.path, got, err, tc.want)
		case tc.problem != "" && (err == nil || !strings.Contains(err.Error(), tc.problem) ||
			!strings.HasPrefix(err.Error(), fieldPath)):
			t.Errorf("%q: got %q, %v, want an error of %s with %q", tc.path, got, err, fieldPath, tc.problem)
		}
	}
}

const procCgroup = `13:cpu,cpuacct:/user.slice
9:name=systemd:/user.slice/user-0.slice
7:memory:/../other
5:pids:/gone (deleted)
0::/user.slice/user-0.slice/session-1.scope
`

func TestOwnPath(t *testing.T) {
	for _, tc := range []struct {
		list, want string
		ok         bool
	}{
		{"", "/user.slice/user-0.slice/session-1.scope", true},
		{"cpu,cpuacct", "/user.slice", true},
		{"name=systemd", "/user.slice/user-0.slice", true},
		{"memory", "", false}, // outside the cgroup namespace
		{"pids", "", false},
		{"cpu", "", false},
	} {
		if got, ok := ownPath(procCgroup, tc.list); got != tc.want || ok != tc.ok {
			t.Errorf("%q: got %q, %v, want %q, %v", tc.list, got, ok, tc.want, tc.ok)
		}
	}
}

func TestListOf(t *testing.T) {
	for name, want := range map[string]string{
		"cpu,cpuacct": "cpu,cpuacct",
		"cpuacct,cpu": "cpu,cpuacct", // as some distributions name the directory
		"systemd":     "name=systemd",
		"memory":      "memory",
		"other":       "other",
	} {
		if got := controllerList(procCgroup, name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestUnitOf(t *testing.T) {
	for _, tc := range []struct{ path, name, slice, problem string }{
		{"", "rt-web1.scope", "", ""},
		{"system.slice:docker:abc", "docker-abc.scope", "system.slice", ""},
		{":rt:abc", "rt-abc.scope", "", ""},
		{"a-b.slice::pods.slice", "pods.slice", "a-b.slice", ""},
		{"/a/b", "", "", "slice:prefix:name"},
		{"a:b", "", "", "slice:prefix:name"},
		{"a.slice:b:", "", "", "slice:prefix:name"},
		{"x:b:c", "", "", "must be a slice"},
		{"a--b.slice:b:c", "", "", "must be a slice"},
		{"a.slice:b:../../c", "", "", "slash"},
	} {
		u, err := parseUnit(tc.path, "web1")
		if tc.problem != "" {
			if err == nil || !strings.Contains(err.Error(), tc.problem) {
				t.Errorf("%q: got %v, want %q", tc.path, err, tc.problem)
			}
			continue
		}
		if err != nil || u.name != tc.name || u.slice != tc.slice {
			t.Errorf("%q: got %+v, %v", tc.path, u, err)
			continue
		}
		back := loadUnit(u.name, u.slice)
		if again := back.prefix + "-" + back.base + ".scope"; strings.HasSuffix(u.name, ".scope") && again != u.name {
			t.Errorf("%q: comes back as %q", u.name, again)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, s := range []Saved{
		{Driver: "", Paths: nil},
		{Driver: Cgroupfs, Paths: map[string]string{"": "/etc"}},
		{Driver: Cgroupfs, Paths: map[string]string{"": "/sys/fs/cgroup/../../etc"}},
	} {
		if _, err := Load(s); err == nil {
			t.Errorf("%+v was loaded", s)
		}
	}
}

// TestMembers: of the hierarchies of v1, the one that nobody takes the container's processes out of tells who they are.
func TestMembers(t *testing.T) {
	at := func(list string) hierarchy { return hierarchy{list: list, dir: root + "/" + list + "/c"} }
	for want, g := range map[string]*cgroupSet{
		"freezer": {mode: host.CgroupV1, hierarchies: []hierarchy{at("cpu,cpuacct"), at("devices"), at("freezer")}},
		"pids":    {mode: host.CgroupV1, hierarchies: []hierarchy{at("cpu,cpuacct"), at("pids")}},
	} {
		if got := g.processesDir(); got != root+"/"+want+"/c" {
			t.Errorf("%s, want that of %s", got, want)
		}
	}
}
