package rdt

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
)

// tree makes a directory that looks like a mounted resctrl, with a class "gold" of somebody else's.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"info", "mon_groups", "gold/mon_groups"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, root+"/info/last_cmd_status", "ok\n")
	put(t, root+"/gold/schemata", "    MB:0= 50;1=100\n    L3:0=00f;1=7FF\n")
	return root
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// made finds, makes and joins, as rt does.
func created(t *testing.T, root string, config *specs.LinuxIntelRdt) *Group {
	t.Helper()
	g, err := New(root, "web1", config)
	if err == nil {
		err = g.Create()
	}
	if err == nil {
		err = g.Join(4711)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// clearAway does what the kernel does at rmdir(2): its files go along.
func clearAway(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		if err := os.Remove(filepath.Join(dir, f)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClassOfTheContainer(t *testing.T) {
	root := tree(t)
	g := created(
		t,
		root,
		&specs.LinuxIntelRdt{MemBwSchema: "MB:0=20", L3CacheSchema: "L3:0=f", Schemata: []string{"L2:0=1", "L2:1=3"}},
	)
	class := root + "/web1"
	if got := content(t, class+"/schemata"); got != "L3:0=f\nMB:0=20\nL2:0=1\nL2:1=3\n" {
		t.Errorf("schemata: %q", got)
	}
	if got := content(t, class+"/tasks"); got != "4711\n" {
		t.Errorf("tasks: %q", got)
	}
	if g.Created != (Created{Class: class}) {
		t.Errorf("to be removed with the container: %+v", g.Created)
	}
	clearAway(t, class, "schemata", "tasks")
	for range 2 { // it may be repeated
		if err := Remove(g.Created); err != nil || isThere(class) {
			t.Errorf("the class is still there, or: %v", err)
		}
	}
}

func TestClassWithoutSchemataIsNotWritten(t *testing.T) {
	root := tree(t)
	created(t, root, &specs.LinuxIntelRdt{})
	if isThere(root + "/web1/schemata") {
		t.Error("a schemata file was written without a schema")
	}
}

func TestNamedClassStays(t *testing.T) {
	root := tree(t)
	g := created(t, root, &specs.LinuxIntelRdt{ClosID: "silver", Schemata: []string{"L3:0=1"}})
	if g.Created != (Created{}) || !isThere(root+"/silver") {
		t.Errorf("a class with a name must stay: %+v", g.Created)
	}
	// But not if the container could not be made.
	g = created(t, root, &specs.LinuxIntelRdt{ClosID: "bronze", Schemata: []string{"L3:0=1"}})
	clearAway(t, root+"/bronze", "schemata", "tasks")
	if g.Undo(); isThere(root + "/bronze") {
		t.Error("a class was left by a container that was never made")
	}
}

func TestClassThatIsThere(t *testing.T) {
	root := tree(t)
	// The kernel's zeros and blanks are no difference, nor are domains that the config does not name.
	g := created(
		t,
		root,
		&specs.LinuxIntelRdt{
			ClosID:           "gold",
			L3CacheSchema:    "L3:0=F;1=7ff",
			MemBwSchema:      "MB:0=50",
			EnableMonitoring: true,
		},
	)
	monitor := root + "/gold/mon_groups/web1"
	if g.Created != (Created{Monitor: monitor}) {
		t.Errorf("to be removed with the container: %+v", g.Created)
	}
	for _, dir := range []string{root + "/gold", monitor} {
		if got := content(t, dir+"/tasks"); got != "4711\n" {
			t.Errorf("tasks of %s: %q", dir, got)
		}
	}
	clearAway(t, monitor, "tasks")
	if err := Remove(g.Created); err != nil || isThere(monitor) || !isThere(root+"/gold") {
		t.Errorf("only the monitoring group goes: %v", err)
	}
}

func TestDefaultClass(t *testing.T) {
	root := tree(t)
	g := created(t, root, &specs.LinuxIntelRdt{ClosID: "/"})
	if got := content(t, root+"/tasks"); got != "4711\n" || g.Created != (Created{}) {
		t.Errorf("tasks: %q, %+v", got, g.Created)
	}
}

func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		config      specs.LinuxIntelRdt
		field, says string
	}{
		{specs.LinuxIntelRdt{ClosID: "nope"}, "linux.intelRdt.closID", "no such class"},
		{specs.LinuxIntelRdt{ClosID: "info"}, "linux.intelRdt.closID", "resctrl itself"},
		{
			specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:0=1"},
			"linux.intelRdt.l3CacheSchema",
			"has f for L3:0",
		},
		{
			specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:7=1"},
			"linux.intelRdt.memBwSchema",
			"has nothing for MB:7",
		},
		{
			specs.LinuxIntelRdt{ClosID: "taken", EnableMonitoring: true},
			"linux.intelRdt.enableMonitoring",
			"can't be made",
		},
	} {
		root := tree(t)
		if err := os.MkdirAll(root+"/taken/mon_groups/web1", 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := New(root, "web1", &test.config)
		e, ok := errors.AsType[*diag.Error](err)
		if !ok || e.Field != test.field || !strings.Contains(e.Problem, test.says) {
			t.Errorf("%+v: %v", test.config, err)
		}
	}
}

// What the kernel refuses is an error with the kernel's reason, and nothing is left.
func TestFailureLeavesNothing(t *testing.T) {
	root := tree(t)
	put(t, root+"/info/last_cmd_status", "MB value 5 out of range\n")
	g, err := New(root, "web1", &specs.LinuxIntelRdt{EnableMonitoring: true})
	if err != nil {
		t.Fatal(err)
	}
	err = g.Create() // there is no mon_groups in the new class: nothing but the kernel makes it
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Field != "linux.intelRdt.enableMonitoring" || !strings.Contains(e.Problem, "MB value 5 out of range") {
		t.Errorf("%v", err)
	}
	if isThere(root+"/web1") || g.Created != (Created{}) {
		t.Errorf("something was left: %+v", g.Created)
	}
}

func TestMadeMeanwhileIsNotOurs(t *testing.T) {
	root := tree(t)
	g, err := New(root, "web1", &specs.LinuxIntelRdt{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(root+"/web1", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.Create(); !errors.Is(err, os.ErrExist) || g.Created != (Created{}) || !isThere(root+"/web1") {
		t.Errorf("%v, %+v", err, g.Created)
	}
}

func TestUpdate(t *testing.T) {
	root := tree(t)
	g := created(t, root, &specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f"})
	for _, s := range []Schemas{{}, {L3Cache: "L3:0=3"}, {MemBw: "MB:0=40"}, {"L3:0=1", "MB:0=50"}} {
		if err := Load(root, "web1", g.config).Update(s); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if got := content(t, root+"/web1/schemata"); got != "L3:0=f\nL3:0=3\nMB:0=40\nL3:0=1\nMB:0=50\n" {
		t.Errorf("schemata: %q", got)
	}
}

func TestUpdateRefuses(t *testing.T) {
	root := tree(t)
	put(t, root+"/info/last_cmd_status", "MB value 5 out of range\n")
	for _, test := range []struct {
		config      specs.LinuxIntelRdt
		s           Schemas
		field, says string
	}{
		{
			specs.LinuxIntelRdt{ClosID: "/"},
			Schemas{L3Cache: "L3:0=1"},
			"--l3-cache-schema",
			"the whole machine shares",
		},
		// The class is gone: the kernel's refusal of a value looks the same from here.
		{specs.LinuxIntelRdt{ClosID: "gone"}, Schemas{MemBw: "MB:0=5"}, "--mem-bw-schema", "(MB value 5 out of range)"},
		{
			specs.LinuxIntelRdt{ClosID: "gone"},
			Schemas{"L3:0=1", "MB:0=5"},
			"--l3-cache-schema and --mem-bw-schema",
			"refuses it",
		},
	} {
		err := Load(root, "web1", &test.config).Update(test.s)
		e, ok := errors.AsType[*diag.Error](err)
		if !ok || e.Field != test.field || !strings.Contains(e.Problem, test.says) {
			t.Errorf("%+v: %v", test.s, err)
		}
	}
	if isThere(root + "/schemata") {
		t.Error("the default class was written to")
	}
}

func TestStats(t *testing.T) {
	root := tree(t)
	for _, dir := range []string{
		"info/L3", "info/MB", "gold/mon_groups/web1/mon_data/mon_L3_00",
		"gold/mon_groups/web1/mon_data/mon_L3_01",
	} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, root+"/schemata", "    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n")
	put(t, root+"/info/L3/cbm_mask", "7ff\n")
	put(t, root+"/info/L3/num_closids", "16\n")
	put(t, root+"/gold/mon_groups/web1/mon_data/mon_L3_00/llc_occupancy", "4096\n")
	put(t, root+"/gold/mon_groups/web1/mon_data/mon_L3_00/mbm_total_bytes", "Unavailable\n")
	put(t, root+"/gold/mon_groups/web1/mon_data/mon_L3_01/mbm_local_bytes", "7\n")
	got := Load(root, "web1", &specs.LinuxIntelRdt{ClosID: "gold", EnableMonitoring: true}).Stats()
	want := &Stats{
		L3:   map[string]string{"cbm_mask": "7ff", "num_closids": "16"},
		Root: Schemas{"L3:0=7ff;1=7ff", "MB:0=100;1=100"}, Class: Schemas{"L3:0=00f;1=7FF", "MB:0= 50;1=100"},
		Counts: []Counts{{"llc_occupancy": 4096}, {"mbm_local_bytes": 7}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := Load(root, "web1", &specs.LinuxIntelRdt{ClosID: "gold"}).Stats(); got.Counts != nil {
		t.Errorf("without mon_data: %+v", got)
	}
}
