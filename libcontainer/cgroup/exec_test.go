package cgroup

import (
	"reflect"
	"strings"
	"testing"

	"rt/libcontainer/host"
)

func TestBelow(t *testing.T) {
	v1 := &Group{mode: host.CgroupV1, places: []place{
		{list: "cpu,cpuacct", base: root + "/cpu,cpuacct", dir: root + "/cpu,cpuacct/c"}, {list: "pids", base: root + "/pids", dir: root + "/pids/c"},
	}}
	v2 := &Group{mode: host.CgroupV2, places: []place{{v2: true, base: root, dir: root + "/c"}}}
	none := &Group{mode: host.CgroupV2}
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
		got, err := c.g.below(c.wanted)
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
	e, err := (&Group{mode: host.CgroupV2, fd: -1}).Exec(nil, 1)
	if err != nil || e.Dir != -1 || e.Joins != nil {
		t.Errorf("%+v, %v", e, err)
	}
	e.Close()
	var zero Exec
	zero.Close()
}
