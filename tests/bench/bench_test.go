package main

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestSummarize(t *testing.T) {
	field := []*entrant{
		{contender: contender{Name: floorName}, samples: [][]sample{samplesOf(3, 1, 2), samplesOf(0, 0, 0)}},
		{contender: contender{Name: "crun"}, samples: [][]sample{samplesOf(8, 2, 4), samplesOf(1, 1, 6)}},
		{
			contender: contender{Name: "rt"}, samples: make([][]sample, 2),
			err: errors.New("exit status 1: no such command"),
		},
	}
	got := tables(&workload{name: "w", parts: []string{"create", "start"}}, "title", 3, field)
	if len(got) != 3 || got[0].Part != "" || got[1].Part != "create" || got[2].Part != "start" {
		t.Fatalf("wanted the whole and its two parts, got %+v", got)
	}
	// crun's rounds are 8+1, 2+1 and 4+6.
	wanted := []row{
		{Contender: "floor", Min: 1, Median: 2, Mean: 2, CPU: 1, OfCrun: 2.0 / 9, OfFloor: 1},
		{Contender: "crun", Min: 3, Median: 9, Mean: 22.0 / 3, CPU: 11.0 / 3, OfCrun: 1, OfFloor: 4.5},
		{Contender: "rt", Error: "exit status 1: no such command"},
	}
	if !slices.Equal(got[0].Rows, wanted) {
		t.Errorf("got  %+v\nwant %+v", got[0].Rows, wanted)
	}
}

// samplesOf makes samples of so many milliseconds, half of them processor time.
func samplesOf(ms ...int) (list []sample) {
	for _, m := range ms {
		wall := time.Duration(m) * time.Millisecond
		list = append(list, sample{wall: wall, cpu: wall / 2})
	}
	return list
}

func TestExponent(t *testing.T) {
	sizes := []int{10, 100, 1000}
	cost := func(power float64) (list []float64) {
		for _, n := range sizes {
			list = append(list, 5+math.Pow(float64(n-sizes[0]), power))
		}
		return list
	}
	for _, power := range []float64{1, 1.5, 2} {
		if got := exponent(sizes, cost(power)); math.Abs(got-power) > 1e-9 {
			t.Errorf("exponent %v, want %v", got, power)
		}
	}
	for _, flat := range [][]float64{{5, 5, 5}, {5, 5.1, 9}, {5, 9, 9.1}, {5, 9}} {
		if got := exponent(sizes, flat); got != 0 {
			t.Errorf("%v has exponent %v", flat, got)
		}
	}
	if got := exponent(sizes[:1], []float64{5}); got != 0 {
		t.Errorf("one size has exponent %v", got)
	}
}

// Each subject makes a config that has so many more of its things.
func TestSubjects(t *testing.T) {
	count := map[string]func(*specs.Spec) int{
		"mounts":        func(c *specs.Spec) int { return len(c.Mounts) },
		"devices":       func(c *specs.Spec) int { return len(c.Linux.Devices) },
		"variables":     func(c *specs.Spec) int { return len(c.Process.Env) },
		"masked paths":  func(c *specs.Spec) int { return len(c.Linux.MaskedPaths) },
		"annotations":   func(c *specs.Spec) int { return len(c.Annotations) },
		"seccomp rules": func(c *specs.Spec) int { return len(c.Linux.Seccomp.Syscalls) },
	}
	for _, s := range subjects {
		written := func(n int) int {
			dir := t.TempDir()
			u := bundle{
				config: defaultConfig, args: []string{"/bin/true"}, cgroup: "/rt-bench-x",
				change: func(c map[string]any) { s.grow(c, n) },
			}
			if err := u.write(dir, "/the/rootfs", "v2"); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(filepath.Join(dir, "config.json"))
			if err != nil {
				t.Fatal(err)
			}
			var c specs.Spec
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			return count[s.name](&c)
		}
		if few, many := written(s.sizes[0]), written(s.sizes[1]); many-few != s.sizes[1]-s.sizes[0] {
			t.Errorf("%s: %d in the config for %d, %d for %d", s.name, few, s.sizes[0], many, s.sizes[1])
		}
	}
}

func TestMedianOfAnEvenNumber(t *testing.T) {
	r := summarize(&entrant{}, samplesOf(4, 1, 3, 9))
	if r.Median != 3.5 {
		t.Errorf("the median of 1, 3, 4, 9 is 3.5, got %v", r.Median)
	}
}

func TestDockerBundleIsPortable(t *testing.T) {
	for mode, namespaces := range map[string]int{"v1": 5, "v2": 6} {
		dir := t.TempDir()
		u := bundle{config: dockerConfig, args: []string{"/bin/true"}, cgroup: "/rt-bench-x"}
		if err := u.write(dir, "/the/rootfs", mode); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, local := range []string{"hooks", `"type":"bind"`, "overlay2", "throttle", "/proc/390", "/srv/"} {
			if strings.Contains(string(text), local) {
				t.Errorf("%s: the bundle still has %s of the recorded machine", mode, local)
			}
		}
		checkDockerSize(t, text, namespaces)
	}
}

// checkDockerSize makes sure that what makes the config Docker-sized is still there.
func checkDockerSize(t *testing.T, text []byte, namespaces int) {
	t.Helper()
	var c struct {
		Process struct {
			Args         []string
			Capabilities struct{ Bounding []string }
		}
		Root   struct{ Path string }
		Mounts []struct{ Type string }
		Linux  struct {
			Namespaces  []struct{ Path string }
			MaskedPaths []string
			CgroupsPath string
			Resources   struct{ Devices []any }
			Seccomp     struct {
				Syscalls []struct{ Names []string }
			}
		}
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	names := 0
	for _, s := range c.Linux.Seccomp.Syscalls {
		names += len(s.Names)
	}
	for what, ok := range map[string]bool{
		"args":         slices.Equal(c.Process.Args, []string{"/bin/true"}),
		"root":         c.Root.Path == "/the/rootfs",
		"cgroupsPath":  c.Linux.CgroupsPath == "/rt-bench-x",
		"capabilities": len(c.Process.Capabilities.Bounding) == 14,
		"mounts":       len(c.Mounts) == 7,
		"namespaces":   len(c.Linux.Namespaces) == namespaces,
		"maskedPaths":  len(c.Linux.MaskedPaths) == 11,
		"devices":      len(c.Linux.Resources.Devices) == 16,
		"seccomp":      names > 350,
	} {
		if !ok {
			t.Errorf("%s is not what it should be in %s", what, text)
		}
	}
}

func TestFilterRules(t *testing.T) {
	rules, err := filterRules([]byte(`{"linux": {"seccomp": {
		"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
		"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
		"syscalls": [
			{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
			{"names": ["chroot"], "action": "SCMP_ACT_ERRNO"},
			{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
				"args": [{"index": 0, "value": 255, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]}
		]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	const wanted = `default 0x50026
arch 0x40000003
rule 2147418112 read
rule 2147418112 write
rule 327681 chroot
rule 2147418112 clone 0 7 255 3
`
	if rules != wanted {
		t.Errorf("got\n%swant\n%s", rules, wanted)
	}
	if _, err := filterRules([]byte(`{"linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG"}}}`)); err == nil {
		t.Error("an action without a known number was accepted")
	}
}

func TestSmapsRollup(t *testing.T) {
	var m rollup
	err := m.parse("00400000-7fff r--p 00000000 00:00 0 [rollup]\nRss:  1000 kB\nPss_Anon: 7 kB\n" +
		"Anonymous:   500 kB\nPrivate_Clean:  125 kB\nPrivate_Dirty:  375 kB\nSwap: 3 kB\n")
	if err != nil || m.Rss != 1024 || m.Anonymous != 512 || m.Private != 512 {
		t.Errorf("got %+v, %v", m, err)
	}
	if err := m.parse("Rss: 1 kB\n"); err == nil {
		t.Error("a file without Anonymous and Private was accepted")
	}
}

func TestLimitsAreAdded(t *testing.T) {
	dir := t.TempDir()
	u := bundle{config: defaultConfig, limits: limits, args: []string{"/bin/true"}, cgroup: "/rt-bench-x"}
	if err := u.write(dir, "/the/rootfs", "v2"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Linux struct {
			Resources struct {
				Devices     []any
				Memory, CPU map[string]any
				Pids        struct{ Limit int }
			}
		}
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if r := c.Linux.Resources; len(r.Devices) == 0 || len(r.Memory) != 3 || len(r.CPU) != 4 || r.Pids.Limit != 100 {
		t.Errorf("%+v", r)
	}
}

func TestStages(t *testing.T) {
	for n, want := range map[int][]int{5000: {20, 200, 1000, 5000}, 200: {20, 200}, 30: {20, 30}, 20: {20}, 3: {3}} {
		if got := stageEnds(n); !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
	var list []float64
	for i := range 40 {
		list = append(list, float64(i))
	}
	if got := lastMedian(list); got != 29.5 {
		t.Errorf("the median of 20 to 39 is %v", got)
	}
}
