package contract

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// state is what engines decode of `state` and of each entry of `list`: go-runc's Container has these types, CRI-O's and
// Buildah's a part of them.
type state struct {
	OCIVersion  string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations"`
	Owner       string            `json:"owner"`
}

// answers are what rt prints when all is well.
var answers = []contract{
	{
		"--version, under the name runc", "containerd and BuildKit (go-runc, parseVersion)",
		"no version: they refuse, or show nothing",
		func(t *testing.T, e *engine) {
			v, c, spec := goRuncVersion(e.silent(e.call(call{program: runc}, "--version")))
			if v != version || c != commit || !strings.HasPrefix(spec, "1.") {
				t.Errorf("version %q, commit %q, spec %q", v, c, spec)
			}
		},
	},
	{
		"--version", "Docker (daemon/info_unix.go, parseRuntimeVersion)",
		"docker info warns that it can't parse the version",
		func(t *testing.T, e *engine) {
			if name, v, c := mobyVersion(e.silent(e.rt("--version"))); name != "rt" || v != version || c != commit {
				t.Errorf("name %q, version %q, commit %q", name, v, c)
			}
			if name, v, _ := mobyVersion(e.silent(e.call(call{program: runc}, "--version"))); name != "runc" ||
				v != version {
				t.Errorf("as runc: name %q, version %q", name, v)
			}
			if out := e.silent(e.rt("-v")); !strings.HasPrefix(out, "rt version "+version+"\n") {
				t.Errorf("-v: %s", out)
			}
		},
	},
	{
		"features, with standard error in between", "CRI-O (config.go), Docker, containerd",
		"CRI-O does not start; recursive read-only mounts, id-mapped mounts and user namespaces of pods are refused",
		func(t *testing.T, e *engine) {
			out, err := exec.Command(built, "features").CombinedOutput()
			e.must(err)
			var f struct {
				Min          string   `json:"ociVersionMin"`
				Max          string   `json:"ociVersionMax"`
				MountOptions []string `json:"mountOptions"`
				Linux        struct {
					Namespaces      []string
					MountExtensions struct{ IDMap struct{ Enabled *bool } }
					Seccomp         struct {
						Enabled *bool
						Actions []string
					}
				}
				Annotations map[string]string
			}
			d := json.NewDecoder(bytes.NewReader(out))
			e.must(d.Decode(&f))
			if d.More() {
				t.Error("more than one object")
			}
			if f.Min == "" || f.Max == "" {
				t.Errorf("versions %q to %q: CRI-O takes none of them for an old runtime", f.Min, f.Max)
			}
			if !slices.Contains(f.MountOptions, "rro") {
				t.Error("mountOptions lacks rro")
			}
			if id := f.Linux.MountExtensions.IDMap.Enabled; id == nil || !*id {
				t.Error("idmap is not enabled")
			}
			if s := f.Linux.Seccomp.Enabled; s == nil || !*s ||
				!slices.Contains(f.Linux.Seccomp.Actions, "SCMP_ACT_NOTIFY") {
				t.Error("seccomp is not enabled, or lacks SCMP_ACT_NOTIFY")
			}
			if !slices.Contains(f.Linux.Namespaces, "user") {
				t.Error("namespaces lacks user")
			}
			// nerdctl and containerd ask for it before they checkpoint.
			if got := f.Annotations["org.opencontainers.runc.checkpoint.enabled"]; got != "true" {
				t.Errorf("says that checkpoint is enabled: %q", got)
			}
		},
	},
	{
		"state", "CRI-O, Buildah, BuildKit, go-runc", "pods are taken for dead, builds for hanging",
		func(t *testing.T, e *engine) {
			e.edit(func(config, _ map[string]any) {
				config["annotations"] = map[string]string{"io.kubernetes.cri-o.Name": "web"}
			})
			look := func() (s state) {
				e.must(json.Unmarshal([]byte(e.ok("state", "c1")), &s))
				return s
			}
			before := time.Now().Add(-time.Second)
			e.ok("create", "--bundle", e.bundle, "c1")
			s := look()
			if s.Status != "created" || s.Pid <= 0 || s.ID != "c1" || s.OCIVersion == "" || s.Bundle != e.bundle ||
				s.Rootfs != e.bundle+"/rootfs" ||
				s.Annotations["io.kubernetes.cri-o.Name"] != "web" || s.Created.Before(before) ||
				s.Created.After(time.Now()) {
				t.Errorf("created: %+v", s)
			}
			e.ok("start", "c1")
			if r := look(); r.Status != "running" || r.Pid != s.Pid || !r.Created.Equal(s.Created) {
				t.Errorf("running: %+v", r)
			}
			e.stopped()
			if r := look(); r.Status != "stopped" || r.Pid != 0 {
				t.Errorf("stopped: %+v", r)
			}
		},
	},
	{
		"list --format=json", "nerdctl and others (go-runc, List)", "leftover containers are not found",
		func(t *testing.T, e *engine) {
			var list []state
			e.running()
			e.must(json.Unmarshal([]byte(e.ok("list", "--format=json")), &list))
			if len(list) != 1 || list[0].ID != "c1" || list[0].Status != "running" || list[0].Pid <= 0 ||
				list[0].Owner != "root" {
				t.Errorf("got %+v", list)
			}
			e.ok("delete", "--force", "c1")
			list = nil
			e.must(json.Unmarshal([]byte(e.ok("list", "--format", "json")), &list))
			if len(list) != 0 {
				t.Errorf("got %+v", list)
			}
		},
	},
	{
		"ps --format json", "containerd (go-runc, Ps)",
		"docker top and the stats of pods are empty; kill --all misses processes",
		func(t *testing.T, e *engine) {
			e.process("sh", "-c", "sleep 60 & sleep 60; true")
			e.running()
			var s state
			e.must(json.Unmarshal([]byte(e.ok("state", "c1")), &s))
			var pids []int
			e.eventually("there are three processes", func() bool {
				pids = nil
				e.must(json.Unmarshal([]byte(e.ok("ps", "--format", "json", "c1")), &pids))
				return len(pids) == 3
			})
			if !slices.Contains(pids, s.Pid) {
				t.Errorf("%v lacks %d", pids, s.Pid)
			}
		},
	},
	{
		"ps --format table, with options for ps", "go-runc (Top)", "nerdctl top fails",
		func(t *testing.T, e *engine) {
			e.running()
			var s state
			e.must(json.Unmarshal([]byte(e.ok("state", "c1")), &s))
			head, rows := topOf(e.ok("ps", "--format", "table", "c1", "-o", "pid,args"))
			if !slices.Equal(head, []string{"PID", "COMMAND"}) || len(rows) != 1 || rows[0][0] != strconv.Itoa(s.Pid) ||
				rows[0][1] != "sleep 60" {
				t.Errorf("columns %q, rows %q", head, rows)
			}
		},
	},
	{
		"events --stats", "nerdctl and others (go-runc, Stats; runc's types/events.go)", "no accounting",
		func(t *testing.T, e *engine) {
			e.running()
			var event struct {
				Type string
				ID   string
				Data *struct {
					CPU struct{ Usage struct{ Total uint64 } }
				}
			}
			e.must(json.Unmarshal(onlyLine(t, e.ok("events", "--stats", "c1")), &event))
			if event.Type != "stats" || event.ID != "c1" || event.Data == nil {
				t.Errorf("got %+v", event)
			}
		},
	},
	{
		"the exit status of run and exec", "BuildKit, conmon, scripts", "a failed build step passes",
		func(t *testing.T, e *engine) {
			for script, want := range map[string]int{
				"exit 0": 0, "exit 7": 7, "kill -9 $$": 128 + 9,
				"kill -15 $$": 128 + 15,
			} {
				// Pid 1 does not die of its own signals; and what the shell says of its child's death is not rt's.
				e.process("sh", "-c", "exec 2>/dev/null; sh -c '"+script+"' & wait $!")
				if r := e.rt("--root", e.root, "run", "--bundle", e.bundle, "c1"); r.status != want || r.stderr != "" {
					t.Error(r)
				}
			}
			e.process("sleep", "60")
			e.running()
			for script, want := range map[string]int{"exit 9": 9, "kill -9 $$": 128 + 9} {
				if r := e.rt("--root", e.root, "exec", "c1", "sh", "-c", script); r.status != want || r.stderr != "" {
					t.Error(r)
				}
			}
			if r := e.rt("--root", e.root, "exec", "c1", "/no/such/program"); r.status != 255 {
				t.Error(r)
			}
		},
	},
}
