package cgroup

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// TestUserWithOneHierarchy has a user whom only the hierarchy without controllers is delegated to: systemd does that on
// v1. A limit is refused for what it is: rt waited for a lock on a directory that was never made.
func TestUserWithOneHierarchy(t *testing.T) {
	above := newGroup(t, nil)
	if err := create(above); err != nil {
		t.Fatal(err)
	}
	delegated := above.processesDir()
	for _, name := range []string{delegated, delegated + "/cgroup.procs"} {
		if err := os.Chown(name, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	for limit, r := range map[string]*specs.LinuxResources{
		"pids.limit": {Pids: &specs.LinuxPids{Limit: new(int64(10))}},
		"cpu.shares": {CPU: &specs.LinuxCPU{Shares: new(uint64(512))}},
	} {
		l, err := convert(r, host.CgroupV1)
		if err != nil {
			t.Fatal(err)
		}
		g := groupOf(&cgroupSet{
			driver: Cgroupfs, mode: host.CgroupV1, rootless: true, limits: l, fd: -1, hierarchies: []hierarchy{
				{list: "cpu", base: "/", dir: "/rt-test-cpu"},
				{list: "pids", base: "/", dir: "/rt-test-pids"},
				{list: "name=systemd", base: delegated, dir: delegated + "/web1"},
			},
		})
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // and never unlocked: the thread must not be used again
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, 65534, 65534, 65534); errno != 0 {
				err = errno
				return
			}
			err = g.Create()
		}()
		<-done
		if err == nil || !strings.HasPrefix(err.Error(), "linux.resources."+limit+": the cgroup /rt-test-") ||
			!strings.Contains(err.Error(), "EACCES") {
			t.Errorf("%s: %v", limit, err)
		}
		if _, err := os.Stat(delegated + "/web1"); !os.IsNotExist(err) {
			t.Errorf("%s: %s/web1 is left", limit, delegated)
		}
	}
}

// TestUserOfSystemdV1: the library's own words name neither the option nor what to do.
func TestUserOfSystemdV1(t *testing.T) {
	for _, mode := range []host.CgroupMode{host.CgroupV1, host.CgroupHybrid} {
		err := systemdUnit{&cgroupSet{mode: mode, rootless: true, config: Config{ID: "x"}, limits: &limits{}}}.find()
		if err == nil || !strings.HasPrefix(err.Error(), "--systemd-cgroup: can't be used without root on cgroup v1") {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

// TestMissingHierarchy has a container that a user has made, in the one hierarchy that was delegated.
func TestMissingHierarchy(t *testing.T) {
	for rootless, hint := range map[bool]string{true: "delegates no controller", false: "mount -t cgroup -o pids"} {
		g := groupOf(&cgroupSet{
			driver: Cgroupfs, mode: host.CgroupV1, rootless: rootless, limits: &limits{}, fd: -1,
			hierarchies: []hierarchy{{list: "name=systemd", dir: t.TempDir()}},
		})
		err := g.Update(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(10))}})
		const want = "linux.resources.pids.limit: can't be set: the container is in no hierarchy"
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), hint) {
			t.Errorf("update: %v", err)
		}
		err = g.Freeze()
		if err == nil || rootless && !strings.Contains(err.Error(), hint) {
			t.Errorf("freeze: %v", err)
		}
	}
}

// TestCPUMaxV1: systemd is told quota and period together, so that an update of one keeps the other.
func TestCPUMaxV1(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{"cpu.cfs_quota_us": "30000\n", "cpu.cfs_period_us": "50000\n"} {
		if err := os.WriteFile(dir+"/"+file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name          string
		driver        string
		update        specs.LinuxCPU
		quota, period int64 // 0 if it is not given
	}{
		{"period", Systemd, specs.LinuxCPU{Period: new(uint64(100000))}, 30000, 100000},
		{"quota", Systemd, specs.LinuxCPU{Quota: new(int64(20000))}, 20000, 50000},
		{"no quota", Systemd, specs.LinuxCPU{Quota: new(int64(-1))}, -1, 50000},
		{"shares", Systemd, specs.LinuxCPU{Shares: new(uint64(512))}, 0, 0},
		{"period, without systemd", Cgroupfs, specs.LinuxCPU{Period: new(uint64(100000))}, 0, 100000},
	} {
		g := groupOf(&cgroupSet{
			driver: tc.driver, mode: host.CgroupV1, limits: &limits{}, fd: -1,
			hierarchies: []hierarchy{{list: "cpu", dir: dir}},
		})
		got := g.withCPUMax(&specs.LinuxResources{CPU: &tc.update}).CPU
		var quota, period int64
		if got.Quota != nil {
			quota = *got.Quota
		}
		if got.Period != nil {
			period = int64(*got.Period)
		}
		if quota != tc.quota || period != tc.period {
			t.Errorf("%s: %d of %d, want %d of %d", tc.name, quota, period, tc.quota, tc.period)
		}
	}
}

// TestCountersOfARemovedScopeV1: systemd has removed the scope, except in the hierarchy of the freezer, which it does
// not use.
func TestCountersOfARemovedScopeV1(t *testing.T) {
	for dir, want := range map[string]string{
		"/rt-test-removed": `linux.resources.memory.limit "32768": is probably too low`, "": "",
	} {
		g := groupOf(&cgroupSet{
			driver: Systemd, mode: host.CgroupV1, limits: &limits{}, fd: -1, hierarchies: []hierarchy{
				{list: "freezer", dir: t.TempDir()}, {list: "memory", dir: root + dir},
			},
		})
		g.limits.resources.Memory = 32768
		err := g.OOMError()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
