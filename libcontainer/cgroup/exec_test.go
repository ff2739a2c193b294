package cgroup

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"rt/libcontainer/host"
)

func TestBelow(t *testing.T) {
	v1 := groupOf(&cgroupSet{mode: host.CgroupV1, hierarchies: []hierarchy{
		{
			list: "cpu,cpuacct",
			base: root + "/cpu,cpuacct",
			dir:  root + "/cpu,cpuacct/c",
		}, {list: "pids", base: root + "/pids", dir: root + "/pids/c"},
	}})
	v2 := groupOf(&cgroupSet{mode: host.CgroupV2, hierarchies: []hierarchy{{v2: true, base: root, dir: root + "/c"}}})
	none := groupOf(&cgroupSet{mode: host.CgroupV2})
	for _, c := range []struct {
		g      *Group
		wanted []string
		want   map[string]string
		err    string
	}{
		{v2, nil, map[string]string{}, ""},
		{v2, []string{"a/b"}, map[string]string{"": "a/b"}, ""},
		{v2, []string{"/"}, map[string]string{"": "/"}, ""},
		{v2, []string{"pids:a"}, nil, "names controllers"},
		{v2, []string{"a", "b"}, nil, "missing the controllers"},
		{v2, []string{"../other"}, nil, "must stay below"},
		{v2, []string{"a/../../other"}, nil, "must stay below"},
		{v1, []string{"a"}, map[string]string{"": "a"}, ""},
		{v1, []string{"cpu,pids:a"}, map[string]string{"cpu": "a", "pids": "a"}, ""},
		{v1, []string{"cpu:a", "pids:b"}, map[string]string{"cpu": "a", "pids": "b"}, ""},
		{v1, []string{"cpu:../a"}, nil, "must stay below"},
		{v1, []string{"memory:a"}, nil, `no hierarchy of controller "memory"`},
		{none, []string{"a"}, nil, "no cgroup of its own"},
		{none, nil, map[string]string{}, ""},
	} {
		got, err := c.g.parsePaths(c.wanted)
		switch {
		case c.err != "":
			if err == nil || !strings.HasPrefix(err.Error(), "--cgroup ") || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: %v, want %s", c.wanted, err, c.err)
			}
		case err != nil || !reflect.DeepEqual(got, c.want):
			t.Errorf("%q: %q, %v, want %q", c.wanted, got, err, c.want)
		}
	}
}

// A container without a cgroup is joined where rt is: there is nothing to be opened.
func TestExecWithoutACgroup(t *testing.T) {
	e, err := groupOf(&cgroupSet{mode: host.CgroupV2, fd: -1}).OpenForExec(nil, 1, false)
	if err != nil || e.Dir != -1 || e.Joins != nil {
		t.Errorf("%+v, %v", e, err)
	}
	e.Close()
	var zero Exec
	zero.Close()
}

// TestExecPlace: a process that joins goes where the container's processes may be.
func TestExecPlace(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c := sleeper(t, g)
	if g.mode != host.CgroupV2 {
		e, err := g.OpenForExec(nil, c.Process.Pid, false)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		if joins, err := g.OpenJoins(); err != nil || len(e.Joins) != len(joins) {
			t.Errorf("v1: %+v, %v", e, err)
		}
		return
	}
	dir := g.hierarchies[0].dir
	if err := os.Mkdir(dir+"/init", 0o755); err != nil {
		t.Fatal(err)
	}
	where := func(sub string) string {
		t.Helper()
		var wanted []string
		if sub != "" {
			wanted = []string{sub}
		}
		e, err := g.OpenForExec(wanted, c.Process.Pid, false)
		if err != nil {
			return err.Error()
		}
		defer e.Close()
		to, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(e.Dir))
		return strings.TrimPrefix(to, dir)
	}
	for sub, want := range map[string]string{"": "", "init": "/init", "../x": "must stay below", "nosuch": "ENOENT"} {
		if got := where(sub); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q: %s, want %s", sub, got, want)
		}
	}
	if e, err := g.OpenForExec(nil, c.Process.Pid, true); err != nil || e.Dir != -1 || len(e.Joins) != 1 ||
		e.Joins[0].Path != dir+"/cgroup.procs" {
		t.Errorf("frozen: %+v, %v", e, err)
	} else {
		e.Close()
	}
	if err := writeFile(dir+"/init", "cgroup.procs", strconv.Itoa(c.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	if have, err := readFile(dir, "cgroup.controllers"); err != nil || !strings.Contains(have, "pids") {
		if _, err := missingControllers(filepath.Dir(filepath.Dir(dir)), "cgroup.controllers", nil); err != nil ||
			(controllerSetup{g.cgroupSet}).enableAt(root, []string{"pids"}) != nil ||
			(controllerSetup{g.cgroupSet}).enableAt(filepath.Dir(dir), []string{"pids"}) != nil {
			t.Skip("SKIP: this machine has no controller to give")
		}
	}
	if err := writeFile(dir, "cgroup.subtree_control", "+pids"); err != nil {
		t.Fatal(err)
	}
	if got := where(""); got != "/init" {
		t.Errorf("with an init system in the container: %s", got)
	}
}
