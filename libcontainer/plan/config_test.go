package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// modern is a kernel that has everything, and a rt that is root on a host with cgroup v2.
func modern() host.Facts {
	return host.Facts{
		Features: ^host.Feature(0), Caps: 1<<41 - 1, CapLast: 40, MayMount: true, CgroupMode: host.CgroupV2,
		Hierarchies: []host.Hierarchy{{V2: true, Path: "/sys/fs/cgroup/ID"}},
	}
}

// linux510 is the oldest kernel that rt runs on.
func linux510() host.Facts {
	f := modern()
	f.Features = 0
	return f
}

// older is a host like f that lacks a feature.
func older(f host.Facts, lacks host.Feature) host.Facts {
	f.Features &^= lacks
	return f
}

// unprivileged is rt as an ordinary user runs it.
func unprivileged() host.Facts {
	f := modern()
	f.EUID, f.EGID, f.Caps, f.MayMount = 1000, 1000, 0, false
	return f
}

// cgroup1 is a host with two v1 hierarchies.
func cgroup1() host.Facts {
	f := modern()
	f.CgroupMode = host.CgroupV1
	f.Hierarchies = []host.Hierarchy{
		{
			Name: "cpu,cpuacct", Controllers: "cpu,cpuacct", Links: []string{"cpu", "cpuacct"},
			Path: "/sys/fs/cgroup/cpu,cpuacct/ID",
		},
		{Name: "systemd", Controllers: "none,name=systemd", Path: "/sys/fs/cgroup/systemd/ID"},
	}
	return f
}

// hybrid is a host with a cgroup2 next to v1 hierarchies.
func hybrid() host.Facts {
	f := cgroup1()
	f.CgroupMode = host.CgroupHybrid
	f.Hierarchies = append(f.Hierarchies, host.Hierarchy{V2: true, Name: "unified", Path: "/sys/fs/cgroup/unified/ID"})
	return f
}

// withSELinux is a host whose kernel has SELinux on.
func withSELinux() host.Facts {
	f := modern()
	f.SELinux = true
	return f
}

// options are those of `rt create` on f.
func options(s *spec.Spec, f *host.Facts) *Options {
	o := &Options{
		Wait: true, ID: "ID", Home: "/root", Kcore: true, RootMount: "/bundle",
		ProcPidNS: f.Has(host.MountSetattr), Sources: make([]Source, len(s.Mounts)),
	}
	for i := range s.Mounts {
		if s.Mounts[i].Bind {
			o.Sources[i] = SourceDir
		} else if StandIn(s, f, &s.Mounts[i]) != nil {
			o.Sources[i] = SourceHost
		}
	}
	for _, h := range f.Hierarchies {
		if h.V2 {
			o.CgroupFD = true
		} else {
			o.CgroupJoins = append(o.CgroupJoins, h.Path+"/tasks")
		}
	}
	return o
}

// minimal is the smallest config: what the parts under test add stands out in its plan.
const minimal = `{
	"ociVersion": "1.3.0",
	"root": {"path": "/bundle/rootfs"},
	"process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["HOME=/"]},
	"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}]}
}`

// config merges edits, JSON objects, into minimal. null takes a property away.
func config(t testing.TB, edits ...string) *spec.Spec {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(minimal), &doc); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		var edit map[string]any
		if err := json.Unmarshal([]byte(e), &edit); err != nil {
			t.Fatalf("%v in %s", err, e)
		}
		merge(doc, edit)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.Parse(raw, "/bundle", spec.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func merge(into, edit map[string]any) {
	for k, v := range edit {
		child, ok := v.(map[string]any)
		old, both := into[k].(map[string]any)
		switch {
		case ok && both:
			merge(old, child)
		case v == nil:
			delete(into, k)
		default:
			into[k] = v
		}
	}
}

// golden compares p with testdata/name.plan. `go test -update` writes the file; git diff reviews it.
func golden(t *testing.T, name string, p *Plan, parts string) {
	t.Helper()
	checkSync(t, p)
	var b strings.Builder
	if p.CloneFlags != 0 || p.IntoCgroup {
		b.WriteString("clone: " + nsenter.CloneFlags.Format(uint64(p.CloneFlags)))
		if p.IntoCgroup {
			b.WriteString(" into the cgroup")
		}
		b.WriteByte('\n')
	}
	for i := range p.Files {
		b.WriteString("open $" + p.FDs[i] + ": " + p.Files[i].Path + "\n")
	}
	part := ""
	for i := range p.Steps {
		s := &p.Steps[i]
		if parts != "" && !strings.Contains(parts, p.Part(i)) {
			continue
		}
		if p.Part(i) != part {
			part = p.Part(i)
			b.WriteString("\n" + part + "\n")
		}
		b.WriteString(strconv.Itoa(i+1) + " " + p.Text(i) + "  # ")
		if s.Origin != "" {
			b.WriteString(s.Origin + ": ")
		}
		b.WriteString(s.Sentence + "\n")
		for _, does := range s.Does() {
			b.WriteString("  rt: " + does + "\n")
		}
	}
	for _, w := range p.Warnings {
		b.WriteString("warning: " + w + "\n")
	}
	path := filepath.Join("testdata", name+".plan")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("%s has changed; run `go test ./libcontainer/plan -update` and read the diff. Now:\n%s", path,
			b.String())
	}
}

// partsOf are the parts of a plan that a golden file is about, by the first words of its name; "" is all of them.
func partsOf(name string) string {
	for _, p := range [...][2]string{
		{"namespaces", "the first process, namespaces, network, names"},
		{"cgroup", "the first process, namespaces, mounts"},
		{"rootfs", "root file system, the new root"},
		{"layer", "the first process, root file system"},
		{"mounts", "mounts, masked and read-only paths"},
		{"bind", "mounts"},
		{"home", "home directory, program"},
		{"cwd", "mounts, working directory, masked and read-only paths"},
		{"devices", "devices"},
		{"terminal-bound-dev", "mounts, devices, terminal"},
		{"restrict", "mounts, masked and read-only paths"},
		{"proc-", "the first process, namespaces, kernel parameters"},
		{"terminal", "terminal"},
		{"hooks", "hooks, wait for start"},
		{"process-search", "working directory, find the program"},
		{"process-user", "working directory, rights"},
		{"process-limits", "limits and scheduling"},
		{"listener", "wait for start, rights, program"},
	} {
		if strings.HasPrefix(name, p[0]) {
			return p[1]
		}
	}
	return ""
}
