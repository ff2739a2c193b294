package contract

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// record writes down what this rt leaves in its state directory, as that of the release in VERSION.
var record = flag.Bool("record", false, "write testdata/releases/VERSION")

// releases has a directory for each release, with what its rt had left of a container that was created
// (created/state.json, created/steps), and of one that ran (running/state.json).
const releases = "testdata/releases"

// ofThisMachine are the members of state.json that name a process, a time or a path. The others are taken from the
// release as they are.
var ofThisMachine = []string{"bundle", "rootfs", "owner", "created", "pid", "startTime", "keyring"}

// TestUpgrade puts what older releases left over what this rt has written, under a living container, and
// then has this rt do what engines ask for.
func TestUpgrade(t *testing.T) {
	if os.Geteuid() != 0 || busybox() == "" {
		t.Skip("needs root, and busybox-static for a root file system")
	}
	dirs, err := filepath.Glob(releases + "/*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no release is in %s, %v", releases, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			e := newEngine(t)
			e.running()
			e.older(dir + "/running")
			if got := e.status(); got != "running" {
				t.Errorf("the state of a release says %s", got)
			}
			if out := e.ok("exec", "c1", "echo", "in"); out != "in\n" {
				t.Errorf("exec says %q", out)
			}
			e.ok("update", "--pids-limit", "100", "c1")
			e.ok("pause", "c1")
			if got := e.status(); got != "paused" {
				t.Errorf("c1 is %s", got)
			}
			e.ok("resume", "c1")
			if out := e.ok("ps", "--format", "json", "c1"); !strings.Contains(out, strconv.Itoa(e.pid())) {
				t.Errorf("ps says %q", out)
			}
			e.stopped()
			e.ok("delete", "c1")

			// One that was created before the upgrade is started after it.
			e.ok("create", "--bundle", e.bundle, "c1")
			e.older(dir + "/created")
			if got := e.status(); got != "created" {
				t.Errorf("the state of a release says %s", got)
			}
			e.ok("start", "c1")
			e.ok("delete", "--force", "c1")
			if left, _ := os.ReadDir(e.root + "/c1"); len(left) > 0 {
				t.Errorf("left in the state directory: %v", left)
			}
		})
	}
}

// TestDowngrade holds that an older release reads what this rt writes: each member that it knows is there, with a value
// of the same type, in the same format. What is new it leaves out (libcontainer/state, TestNewerNamesAreLeftOut).
func TestDowngrade(t *testing.T) {
	if os.Geteuid() != 0 || busybox() == "" {
		t.Skip("needs root, and busybox-static for a root file system")
	}
	e := newEngine(t)
	e.released()
	e.ok("create", "--bundle", e.bundle, "c1")
	for _, when := range []string{"created", "running"} {
		if when == "running" {
			e.ok("start", "c1")
		}
		if *record {
			e.record(when)
		}
		files, err := filepath.Glob(releases + "/*/" + when + "/state.json")
		if err != nil || len(files) == 0 {
			t.Fatalf("no state of a container that was %s, %v", when, err)
		}
		for _, file := range files {
			sameTypes(t, file, "", decode(t, file), decode(t, e.root+"/c1/state.json"))
		}
	}
	text, err := os.ReadFile("../../VERSION")
	e.must(err)
	if _, err := os.Stat(filepath.Join(releases, strings.TrimSpace(string(text)))); err != nil {
		t.Errorf("the release in VERSION is not kept: go test ./tests/contract -run TestDowngrade -record")
	}
}

// released gives the container what has a member of its own in state.json.
func (e *engine) released() {
	e.t.Helper()
	e.edit(func(config, _ map[string]any) {
		config["annotations"] = map[string]any{"io.kubernetes.pod.name": "web"}
	})
}

// older puts the files of a release into the state directory of c1.
func (e *engine) older(dir string) {
	e.t.Helper()
	current, old := decode(e.t, e.root+"/c1/state.json"), decode(e.t, dir+"/state.json")
	for _, name := range ofThisMachine {
		if _, has := old[name]; has {
			old[name] = current[name]
		}
	}
	old["cgroup"].(map[string]any)["paths"] = current["cgroup"].(map[string]any)["paths"]
	text, err := json.Marshal(old)
	e.must(err)
	e.must(os.WriteFile(e.root+"/c1/state.json", text, 0o600))
	if steps, err := os.ReadFile(dir + "/steps"); err == nil {
		e.must(os.WriteFile(e.root+"/c1/steps", steps, 0o600))
	}
}

// ownCgroup is a directory of c1 below that of this test.
var ownCgroup = regexp.MustCompile(`(/sys/fs/cgroup/[^/"]+)/[^"]*/c1"`)

// record keeps the files of c1.
func (e *engine) record(when string) {
	e.t.Helper()
	text, err := os.ReadFile("../../VERSION")
	e.must(err)
	dir := filepath.Join(releases, strings.TrimSpace(string(text)), when)
	e.must(os.MkdirAll(dir, 0o755))
	for _, name := range []string{"state.json", "steps"} {
		text, err := os.ReadFile(e.root + "/c1/" + name)
		if name == "steps" && os.IsNotExist(err) {
			continue // they go when the program runs
		}
		e.must(err)
		text = ownCgroup.ReplaceAll([]byte(strings.ReplaceAll(string(text), e.dir, "/srv")), []byte("$1/c1\""))
		e.must(os.WriteFile(dir+"/"+name, text, 0o644))
	}
}

func (e *engine) pid() int {
	e.t.Helper()
	var s state
	e.must(json.Unmarshal([]byte(e.ok("state", "c1")), &s))
	return s.Pid
}

func decode(t *testing.T, file string) (m map[string]any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return m
}

// sameTypes checks that is has what was had.
func sameTypes(t *testing.T, file, at string, was, is map[string]any) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if at == ".cgroup.paths" || at == ".annotations" {
			return // their names are data
		}
		got, has := is[name]
		if !has {
			t.Errorf("%s has %s%s.%s, and this rt does not write it", file, "state", at, name)
			continue
		}
		if w, g := kind(was[name]), kind(got); w != g {
			t.Errorf("%s: state%s.%s was %s and is %s", file, at, name, w, g)
		}
		if below, ok := was[name].(map[string]any); ok {
			if now, ok := got.(map[string]any); ok {
				sameTypes(t, file, at+"."+name, below, now)
			}
		}
	}
	if at == "" && was["format"] != is["format"] {
		t.Errorf("%s has format %v, this rt writes %v", file, was["format"], is["format"])
	}
}

func kind(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "null"
}
