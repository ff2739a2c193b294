package cgroup

import (
	"reflect"
	"strings"
	"testing"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/spec"
)

// FuzzLimits converts limits as `update --resources` reads them, for each kind of machine: they are refused with the
// name of a field, or become files of a cgroup, the same each time; and the filter of devices decides as the rules say.
func FuzzLimits(f *testing.F) {
	for _, text := range []string{
		`{"memory": {"limit": 1048576, "reservation": 9, "swap": 2097152, "swappiness": 60, "disableOOMKiller": true,
			"useHierarchy": true, "checkBeforeUpdate": true}, "pids": {"limit": 7}}`,
		`{"cpu": {"shares": 512, "quota": 50000, "burst": 100, "period": 100000, "realtimeRuntime": 1, "cpus": "0-1",
			"mems": "0", "idle": 1}}`,
		`{"cpu": {"shares": 0, "quota": -1, "period": 0}, "memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}}`,
		`{"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 0, "weight": 300, "leafWeight": 20}],
			"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1000}],
			"throttleWriteIOPSDevice": [{"major": 8, "minor": 1, "rate": 18446744073709551615}]}}`,
		`{"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}, {"pageSize": "1GB", "limit": 0}]}`,
		`{"network": {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 5}]},
			"rdma": {"mlx5_0": {"hcaHandles": 3, "hcaObjects": 4}}}`,
		`{"unified": {"memory.high": "1", "cpu.weight": "5", "io.max": "8:0 rbps=1"}}`,
		`{"unified": {"../x": "1"}}`, `{"unified": {"cgroup.procs": "0"}}`, `{"unified": {"memory.high\n": "0"}}`,
		`{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 3,
			"access": "rw"}, {"allow": true, "type": "b", "major": 8, "access": "r"}, {"allow": false, "type": "a"}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := spec.ParseResources(raw)
		if err != nil {
			return
		}
		for _, mode := range []host.CgroupMode{host.CgroupV1, host.CgroupHybrid, host.CgroupV2} {
			l, err := convert(r, mode)
			again, same := convert(r, mode)
			if !reflect.DeepEqual(l, again) || (err == nil) != (same == nil) {
				t.Fatalf("converted twice: %+v, %v and %+v, %v", l, err, again, same)
			}
			if err != nil {
				e, ok := err.(*diag.Error) //nolint:errorlint // it is not wrapped
				if !ok || e.Problem == "" || !strings.HasPrefix(e.Field, "linux.resources") {
					t.Errorf("%v is no error of a limit", err)
				}
				continue
			}
			requireFiles(t, l)
			requireDevices(t, l.devices)
		}
	})
}

// requireFiles checks that no name in a document leads out of the cgroup, or to one of its files that move processes.
func requireFiles(t *testing.T, l *limits) {
	t.Helper()
	names := make([]string, 0, len(l.needs))
	for i := range l.needs {
		if l.needs[i].field == "" {
			t.Errorf("%+v is of no field", l.needs[i])
		}
		names = append(names, l.needs[i].file)
	}
	for name := range l.resources.Unified {
		names = append(names, name)
	}
	for _, name := range names {
		if strings.ContainsAny(name, "/\x00") || name == "" || name == ".." || name == "cgroup.procs" ||
			name == "cgroup.threads" || name == "cgroup.kill" {
			t.Errorf("the file %q is no limit", name)
		}
	}
}

// requireDevices asks the filter about devices of the rules and their neighbours.
func requireDevices(t *testing.T, rules []rule) {
	t.Helper()
	code := deviceFilter(rules)
	ask := func(major, minor int64) {
		if major < 0 || minor < 0 || major > 1<<32-1 || minor > 1<<32-1 {
			return
		}
		for _, kind := range []byte{'b', 'c'} {
			for a := access(1); a <= mknod|read|write; a++ {
				q := question{kind, a, major, minor}
				if got, want := run(t, code, q), allowed(rules, q); got != want {
					t.Fatalf("the filter says %v of %+v, and the rules %v: %v", got, q, want, rules)
				}
			}
		}
	}
	ask(1, 3)
	for _, r := range rules[:min(len(rules), 16)] {
		ask(r.major, r.minor)
		ask(r.major+1, r.minor)
		ask(r.major, r.minor+1)
		ask(r.major, 7)
		ask(7, r.minor)
	}
}
