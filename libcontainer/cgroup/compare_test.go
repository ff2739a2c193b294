package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// onFiles is a Group of mode v2 whose cgroup is a directory of ordinary files, for what is done with what files hold.
func onFiles(t *testing.T, r *specs.LinuxResources, files map[string]string) *Group {
	t.Helper()
	l, err := convert(r, host.CgroupV2)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return groupOf(&cgroupSet{
		driver:      Cgroupfs,
		mode:        host.CgroupV2,
		limits:      l,
		fd:          -1,
		hierarchies: []hierarchy{{v2: true, base: root, dir: dir}},
	})
}

// TestReadBackCompares has what the kernel makes of a value, and what is another one.
func TestReadBackCompares(t *testing.T) {
	weight, rate := new(uint16(300)), []specs.LinuxThrottleDevice{{Rate: 1000}}
	rate[0].Major, rate[0].Minor = 8, 0
	for name, tc := range map[string]struct {
		r                  specs.LinuxResources
		file, holds, other string // what the file may hold, by "|", and what it may not
	}{
		"memory": {
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(10000000))}},
			"memory.max",
			"9999360\n|10000000\n", "max\n|9995264\n|10002432\n|0\n",
		},
		"no limit": {
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(-1))}},
			"memory.max", "max\n",
			"9999360\n|0\n",
		},
		"no swap": {
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(8192)), Swap: new(int64(8192))}},
			"memory.swap.max", "0\n", "max\n|4096\n",
		},
		"shares": {
			specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: new(uint64(1024))}},
			"cpu.weight", "100\n",
			"99\n|10\n|max\n",
		},
		"quota": {
			specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: new(int64(25000)), Period: new(uint64(50000))}},
			"cpu.max",
			"25000 50000\n",
			"max 100000\n|25000 100000\n|25500 50000\n|max 50000\n",
		},
		"CPUs": {
			specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0,1,2,5"}},
			"cpuset.cpus", "0-2,5\n",
			"\n|0-2\n|0-5\n",
		},
		"pids": {
			specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(40))}},
			"pids.max", "40\n",
			"max\n|4\n|41\n",
		},
		"weight": {
			specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: weight}},
			"io.weight",
			"default 2930\n|default 2930\n8:0 100\n", "default 100\n|8:0 2930\n|\n",
		},
		"BFQ": {
			specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{Weight: weight}},
			"io.bfq.weight",
			"default 300\n|300\n", "default 100\n|default 2930\n",
		},
		"rate": {
			specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{ThrottleReadBpsDevice: rate}},
			"io.max",
			"8:0 rbps=1000 wbps=max riops=max wiops=max\n", "|8:0 rbps=max wbps=1000\n|8:1 rbps=1000\n",
		},
		"huge": {specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{
			Pagesize: "2MB",
			Limit:    5 << 20,
		}}}, "hugetlb.2MB.max", "4194304\n", "2097152\n|max\n|6291456\n"},
		"high": {
			specs.LinuxResources{Unified: map[string]string{"memory.high": "10M"}},
			"memory.high",
			"10485760\n", "max\n|10481664\n",
		},
		"group": {
			specs.LinuxResources{Unified: map[string]string{"memory.oom.group": "1"}},
			"memory.oom.group",
			"1\n", "0\n",
		},
		"uweight": {
			specs.LinuxResources{Unified: map[string]string{"io.weight": "default 30\n8:0 20"}},
			"io.weight",
			"default 30\n8:0 20\n", "default 30\n|8:0 20\n",
		},
		"umax": {
			specs.LinuxResources{Unified: map[string]string{"cpu.max": "20000"}},
			"cpu.max", "20000 50000\n",
			"max 50000\n",
		},
		"any file": {specs.LinuxResources{Unified: map[string]string{"misc.max": "x 5"}}, "misc.max", "y\n", ""},
	} {
		for text := range strings.SplitSeq(tc.holds, "|") {
			if err := (limitFiles{onFiles(t, &tc.r, map[string]string{tc.file: text}).cgroupSet}).
				readBack(); err != nil {
				t.Errorf("%s: %s holds %q, but: %v", name, tc.file, text, err)
			}
		}
		if tc.other == "" {
			continue
		}
		for text := range strings.SplitSeq(tc.other, "|") {
			err := limitFiles{onFiles(t, &tc.r, map[string]string{tc.file: text}).cgroupSet}.readBack()
			if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.") ||
				!strings.Contains(err.Error(), "/"+tc.file+" has ") {
				t.Errorf("%s: %s holds %q: %v", name, tc.file, text, err)
			}
		}
	}
}

// TestReadBackRounded: a unit has a quota in whole percents.
func TestReadBackRounded(t *testing.T) {
	r := &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: new(int64(25001)), Period: new(uint64(50000))}}
	g := onFiles(t, r, map[string]string{"cpu.max": "25500 50000\n"})
	g.driver, g.unit = Systemd, &unit{name: "x.scope"}
	if err := (limitFiles{g.cgroupSet}).readBack(); err != nil {
		t.Error(err)
	}
}

// TestKeepOthers changes the memory of a container, and sees what becomes of its other limits when something gives them
// their defaults.
func TestKeepOthers(t *testing.T) {
	r := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(8192))}}
	g := onFiles(t, r, map[string]string{
		"pids.max": "40\n", "cpu.weight": "59\n", "memory.oom.group": "1\n", "memory.swap.max": "0\n",
		"cpuset.cpus": "0-1\n",
	})
	old := g.takeSnapshot()
	for file, text := range map[string]string{
		"pids.max": "50\n", "cpu.weight": "100\n", "memory.oom.group": "0\n", "memory.swap.max": "max\n",
	} {
		if err := os.WriteFile(g.dir("")+"/"+file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.restoreOthers(old); err != nil {
		t.Error(err)
	}
	// 50 is somebody else's, the limit of swap goes with that of memory. An ordinary file keeps the end of what was
	// longer.
	for file, want := range map[string]string{
		"pids.max": "50\n", "cpu.weight": "590\n", "memory.oom.group": "1\n",
		"memory.swap.max": "max\n",
	} {
		if got, err := readFile(g.dir(""), file); got != want {
			t.Errorf("%s: %q, %v, want %q", file, got, err, want)
		}
	}
	// One that can't be written back is an error.
	if err := os.WriteFile(g.dir("")+"/cpuset.cpus", nil, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(g.dir("") + "/cpuset.cpus"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/null", g.dir("")+"/cpuset.cpus"); err != nil {
		t.Fatal(err)
	}
	err := g.restoreOthers(old)
	if err == nil || !strings.HasPrefix(err.Error(), `linux.resources.cpu.cpus "0-1": does not hold: `) ||
		!strings.Contains(err.Error(), `/cpuset.cpus has ""`) {
		t.Errorf("%v", err)
	}
}

// TestLost tells what has gone back to its default from what another program has set.
func TestLost(t *testing.T) {
	for _, tc := range []struct {
		was, now, none string
		lost           bool
	}{
		{"40", "max", "max", true},
		{"40", "50", "max", false},
		{"default 300", "default 100", "default 100", true},
		{"default 300\n8:0 200", "default 100\n8:0 200", "default 100", true},
		{"default 300\n8:0 200", "default 300", "default 100", true},
		{"default 300\n8:0 200", "default 300\n8:0 50", "default 100", false},
		{"default 100\n8:0 200", "default 100\n8:0 200\n8:1 50", "default 100", false},
		{"8:0 rbps=5 wbps=max", "", "", true},
		{"0-1", "", "", true},
		{"0-1", "0", "", false},
	} {
		if got := isReset(tc.was+"\n", tc.now+"\n", tc.none); got != tc.lost {
			t.Errorf("%q, now %q: %t", tc.was, tc.now, got)
		}
	}
}

// TestUnitWeight: what systemd makes of the unit's weight for BFQ (src/shared/cgroup-util) is the weight that was asked
// for.
func TestUnitWeight(t *testing.T) {
	for w := uint64(1); w <= bfqMax; w++ {
		u := unitWeight(w)
		back := u
		if u > weightDefault {
			back = weightDefault + (u-weightDefault)*(bfqMax-weightDefault)/(weightMax-weightDefault)
		}
		if back != w {
			t.Fatalf("a weight of %d becomes IOWeight=%d, and that %d", w, u, back)
		}
	}
}

// TestBurstThatTheKernelLacks has the files of cgroup v1 before Linux 5.14.
func TestBurstThatTheKernelLacks(t *testing.T) {
	for _, burst := range []uint64{0, 1000} {
		l, err := convert(&specs.LinuxResources{CPU: &specs.LinuxCPU{Burst: &burst}}, host.CgroupV1)
		if err != nil {
			t.Fatal(err)
		}
		g := &cgroupSet{mode: host.CgroupV1, limits: l, hierarchies: []hierarchy{{list: "cpu", dir: t.TempDir()}}}
		err = limitFiles{g}.checkBurst()
		if burst == 0 && err != nil {
			t.Errorf("a burst of 0: %v", err)
		}
		if burst == 0 {
			continue
		}
		update := groupOf(g).Update(&specs.LinuxResources{CPU: &specs.LinuxCPU{Burst: &burst}})
		for name, err := range map[string]error{"a new container": err, "an update": update} {
			if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.cpu.burst: ") ||
				!strings.Contains(err.Error(), "ENOENT") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
