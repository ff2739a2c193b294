package plan

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/seccomp"
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

// flaggedBinds are bind mounts with options that say nothing, something and everything about their flags.
const flaggedBinds = `{"mounts": [
	{"destination": "/plain", "source": "/srv/a", "options": ["rbind", "rprivate"]},
	{"destination": "/rw", "source": "/srv/b", "options": ["rbind", "rw"]},
	{"destination": "/some", "source": "/srv/c", "options": ["bind", "nosuid", "exec", "relatime"]}]}`

// withUsers gives a container a user namespace.
const withUsers = `{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
	"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
	"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`

// TestPlans is the table of golden plans. The first word of a name is the file of this package that it is about.
func TestPlans(t *testing.T) {
	tests := []struct {
		name  string
		host  host.Facts
		edits []string
		set   func(*Options)
	}{
		{"minimal", modern(), nil, nil},
		{"minimal.run", modern(), nil, func(o *Options) { o.Wait = false }},
		{"minimal.linux-5.10", linux510(), nil, nil},
		{"minimal.trace", modern(), nil, func(o *Options) { o.Trace = true }},
		{"namespaces-all", modern(), []string{`{"hostname": "h", "domainname": "d", "linux": {
			"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
			{"type": "cgroup"},
				{"type": "user"}, {"type": "time"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"timeOffsets": {"monotonic": {"secs": 60}, "boottime": {"secs": 3600, "nanosecs": 5}}}}`}, nil},
		{
			"namespaces-joined", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"},
			{"type": "network", "path": "/run/netns/n"}, {"type": "ipc", "path": "/proc/7/ns/ipc"},
			{"type": "user", "path": "/proc/7/ns/user"}]}}`},
			nil,
		},
		{
			"namespaces-joined-pid", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"},
			{"type": "time"}], "timeOffsets": {"boottime": {"secs": 1}},
			"seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}},
			"process": {"terminal": true, "rlimits": [{"type": "RLIMIT_NPROC", "soft": 5, "hard": 5}]},
			"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}`},
			nil,
		},
		{
			"namespaces-joined-pid.linux-6.17", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid", "path": "/proc/7/ns/pid"}]},
			"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}]}`},
			func(o *Options) { o.ProcPidNS = false },
		},
		{
			"namespaces-joined.unprivileged", unprivileged(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"},
			{"type": "network", "path": "/proc/7/ns/net"}, {"type": "user", "path": "/proc/7/ns/user"}]}}`},
			nil,
		},
		{
			"namespaces-joined-outside", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"},
				{"type": "network", "path": "/proc/1/ns/net"},
			{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{
			"namespaces-mount-joined", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount", "path": "/proc/7/ns/mnt"}]}}`},
			nil,
		},
		{"namespaces-netdevices", modern(), []string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "network"}],
			"netDevices": {"eth1": {"name": "inside%d"}, "eth0": {}}}}`}, nil},
		{"namespaces-none", modern(), []string{`{"linux": {"namespaces": []}}`}, nil},
		{
			"namespaces-rootless", unprivileged(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
			"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}`},
			func(o *Options) { o.SetgroupsDeny, o.CgroupFD = true, false },
		},
		{
			"namespaces-time", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "time"}],
				"timeOffsets": {"boottime": {"secs": -1}}}}`},
			nil,
		},
		{"cgroup-v1", cgroup1(), []string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup",
			"source": "cgroup", "options": ["ro", "nosuid", "rprivate"]}]}`}, nil},
		{
			"cgroup-v1-user", cgroup1(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{
			"cgroup-v1-namespace", cgroup1(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}]}}`},
			nil,
		},
		{"cgroup-v2", modern(), []string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup",
			"source": "cgroup", "options": ["ro"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}]}}`}, nil},
		{
			"cgroup-v2-shared", modern(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
				"options": ["ro"]}],
			"linux": {"namespaces": [{"type": "mount"}]}}`},
			nil,
		},
		{
			"cgroup-v2-shared.linux-5.10", linux510(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
				"options": ["ro"]}],
			"linux": {"namespaces": [{"type": "mount"}]}}`},
			nil,
		},
		{"cgroup-systemd", modern(), nil, func(o *Options) { o.CgroupFD, o.CgroupAttach = false, true }},
		{"rootfs-readonly", modern(), []string{`{"root": {"readonly": true}}`}, nil},
		{"rootfs-readonly.linux-5.10", linux510(), []string{`{"root": {"readonly": true}}`}, nil},
		{"rootfs-shared", modern(), []string{`{"linux": {"rootfsPropagation": "shared"}}`}, nil},
		{"rootfs-rprivate", modern(), []string{`{"linux": {"rootfsPropagation": "rprivate"}}`}, nil},
		{"rootfs-unbindable", modern(), []string{`{"linux": {"rootfsPropagation": "unbindable"}}`}, nil},
		{"rootfs-no-pivot", modern(), nil, func(o *Options) { o.NoPivot, o.KernelMounts = true, procAndSys }},
		{
			"rootfs-no-pivot-shared", modern(),
			[]string{`{"linux": {"rootfsPropagation": "shared"}}`},
			func(o *Options) { o.NoPivot, o.KernelMounts = true, procAndSys },
		},
		{
			"mounts-bind", modern(),
			[]string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["rbind", "rro", "nosuid", "rslave"]},
			{"destination": "/etc/hosts", "source": "hosts", "type": "bind", "options": ["bind", "ro", "private"]}]}`},
			func(o *Options) { o.Sources[1] = SourceFile },
		},
		{
			"mounts-bind.linux-5.10", linux510(),
			[]string{`{"mounts": [
			{"destination": "/data/deep/er", "source": "/srv/data", "options": ["rbind", "ro", "nosuid", "rslave"]}]}`},
			nil,
		},
		{"bind-flags", modern(), []string{flaggedBinds}, nil},
		{"bind-flags.linux-5.10", linux510(), []string{flaggedBinds}, nil},
		{"bind-flags-user-namespace", modern(), []string{flaggedBinds, withUsers}, nil},
		{"bind-flags-rootless", unprivileged(), []string{flaggedBinds, withUsers}, nil},
		{
			"bind-flags-user-namespace.linux-5.10", linux510(),
			[]string{flaggedBinds, withUsers},
			func(o *Options) {
				o.SourceFlags = []uintptr{unix.MS_NOSUID | unix.MS_NOEXEC, unix.MS_RDONLY, unix.MS_NODEV}
			},
		},
		{
			"bind-links", modern(),
			[]string{`{"mounts": [
			{"destination": "/new/link", "source": "/srv/link", "options": ["rbind", "copy-symlink"]},
			{"destination": "/itself", "source": "/srv/link", "options": ["bind", "src-nofollow", "dest-nofollow"]}]}`},
			func(o *Options) { o.Links, o.Sources[1] = []string{"target", ""}, SourceFile },
		},
		{
			"bind-later", modern(),
			[]string{`{"mounts": [
			{"destination": "/a", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]},
			{"destination": "/b", "source": "/bundle/rootfs/a/b", "options": ["bind"]}]}`, withUsers},
			func(o *Options) { o.Sources[1] = SourceLater },
		},
		{"mounts-overlay-shared", modern(), []string{`{"linux": {"rootfsPropagation": "shared"}, "mounts": [
			{"destination": "/mnt", "type": "overlay", "source": "overlay", "options": ["lowerdir=/a:/b", "rro"]},
			{"destination": "/mnt", "options": ["bind", "remount", "nosuid"]}]}`}, nil},
		{
			"mounts-tmpfs-mode-later", modern(),
			[]string{`{"mounts": [
			{"destination": "/srv", "source": "/srv/data", "options": ["bind"]},
			{"destination": "/srv/t", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}]}`},
			func(o *Options) { o.ModesLater = []bool{false, true} },
		},
		{"mounts-kernel", modern(), []string{`{"mounts": [
			{"destination": "/proc", "type": "proc", "source": "proc"},
			{"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755",
			"size=65536k"]},
			{"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec",
			"newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
			{"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec",
			"nodev"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
			{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "sync"]}]}`}, nil},
		{"mounts-host", modern(), []string{`{"mounts": [
			{"destination": "/proc", "type": "proc", "source": "proc", "options": ["strictatime", "nosuid", "noexec",
			"nodev"]},
			{"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec",
			"nodev"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro",
			"private"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}], "maskedPaths": ["/proc/keys"],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`}, nil},
		{
			"mounts-many", modern(),
			[]string{`{"mounts": [` + strings.Repeat(`{"destination": "/a", "source": "/srv", "options": ["rbind"]},`,
				17) + `
			{"destination": "/b", "source": "/srv/b", "options": ["bind", "ro"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			func(o *Options) { o.OpenFiles = 76 },
		},
		{"mounts-notify", modern(), nil, func(o *Options) { o.Notify = "/run/rt/ID/notify" }},
		{"mounts-notify.linux-5.10", linux510(), nil, func(o *Options) { o.Notify = "/run/rt/ID/notify" }},
		{
			"mounts-notify-user-namespace", modern(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			func(o *Options) { o.Notify = "/run/rt/ID/notify" },
		},
		{"copyup", modern(), []string{`{"mounts": [
			{"destination": "/var/cache", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "tmpcopyup",
			"size=1m"]}]}`}, nil},
		{"copyup-readonly", modern(), []string{`{"mounts": [
			{"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "tmpcopyup"]}]}`}, nil},
		{"idmap", modern(), []string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["rbind", "ridmap", "ro"],
				"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
				"gidMappings": [{"containerID": 0, "hostID": 200000, "size": 1}]},
			{"destination": "/new", "type": "tmpfs", "source": "tmpfs", "options": ["idmap"],
				"uidMappings": [{"containerID": 0, "hostID": 5, "size": 1}],
				"gidMappings": [{"containerID": 0, "hostID": 5, "size": 1}]}]}`}, nil},
		{
			"idmap-user-namespace", modern(),
			[]string{`{"mounts": [{"destination": "/data", "source": "/srv/data", "options": ["bind", "idmap"]}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{"remount", modern(), []string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["bind", "nosuid"]},
			{"destination": "/data", "options": ["bind", "remount", "ro", "nodev", "private"]},
			{"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "nosuid", "size=1m"]},
			{"destination": "/t", "options": ["remount", "rw", "size=2m", "sync"]}]}`}, nil},
		{"remount.linux-5.10", linux510(), []string{`{"mounts": [
			{"destination": "/data", "source": "/srv/data", "options": ["bind", "nosuid"]},
			{"destination": "/data", "options": ["bind", "remount", "ro", "nodev"]}]}`}, nil},
		{
			"mounts-recursive-new", modern(),
			[]string{`{"mounts": [{"destination": "/t", "type": "tmpfs", "source": "tmpfs",
				"options": ["rro", "rnosuid"]}]}`},
			nil,
		},
		{"mounts-overlay", modern(), []string{`{"mounts": [
			{"destination": "/mnt", "type": "overlay", "source": "overlay", "options": ["lowerdir=/a:/b", "upperdir=/u",
			"workdir=/w", "noatime", "shared"]}]}`}, nil},
		{
			"mounts-label", withSELinux(),
			[]string{`{"linux": {"mountLabel": "system_u:object_r:container_file_t:s0:c1,c2"}, "mounts": [
			{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/dev/mqueue",
			"type": "mqueue", "source": "mqueue"}, {"destination": "/mnt", "type": "overlay", "source": "overlay",
			"options": ["lowerdir=/a"]}]}`},
			nil,
		},
		{"layer", modern(), nil, func(o *Options) {
			o.Layer = &Layer{
				Size: "64m", Mode: 0o755,
				Attrs: unix.MOUNT_ATTR_NODEV,
			}
		}},
		{
			"layer-kept", withSELinux(),
			[]string{`{"linux": {"mountLabel": "system_u:object_r:container_file_t:s0:c1,c2",
				"rootfsPropagation": "shared"}}`},
			func(o *Options) { o.Layer = &Layer{Dir: "/srv/a,b:c", Mode: 0o1755, UID: 5, GID: 6} },
		},
		{
			"layer-user-namespace.linux-5.10", linux510(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			func(o *Options) { o.Layer = &Layer{Mode: 0o755, UID: 100000, GID: 100000} },
		},
		{
			"layer-rootless.linux-6.1", older(unprivileged(), host.TmpfsUserXattr),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}],
			"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}`},
			func(o *Options) { o.Layer, o.SetgroupsDeny = &Layer{Mode: 0o755, UID: 1000, GID: 7}, true },
		},
		{
			"mounts-tmpfs-mode", modern(),
			[]string{`{"mounts": [{"destination": "/root", "type": "tmpfs", "source": "tmpfs",
				"options": ["size=1m"]}]}`},
			func(o *Options) { o.Modes = []uint32{unix.S_IFDIR | 0o1750} },
		},
		{"devices", modern(), []string{`{"linux": {"devices": [
			{"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 384, "uid": 5, "gid": 6},
			{"path": "/dev/net/tun", "type": "c", "major": 10, "minor": 200}, {"path": "/dev/ptmx", "type": "c",
			"major": 5, "minor": 2}, {"path": "/run/fifo", "type": "p"}]}}`}, nil},
		{
			"restrict-bound", modern(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]},
			{"destination": "/sys", "type": "sysfs", "source": "sysfs"}],
			"linux": {"maskedPaths": ["/proc/sys/vm", "/proc/sys/vm", "/sys/firmware"], "readonlyPaths": ["/proc/sys",
			"/proc/sys"]}}`},
			nil,
		},
		{
			"restrict-masked.linux-5.10", linux510(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
			"linux": {"maskedPaths": ["/proc/kcore"]}}`},
			nil,
		},
		{
			"devices-existing", modern(),
			[]string{`{"mounts": [{"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
			{"destination": "/dev/bound", "type": "bind", "source": "/dev/null", "options": ["bind"]},
			{"destination": "/dev/zero", "type": "bind", "source": "/dev/zero", "options": ["bind"]}],
			"linux": {"devices": [{"path": "/opt/d", "type": "c", "major": 1, "minor": 3},
			{"path": "/run/pipe", "type": "p", "uid": 7},
				{"path": "/dev/new", "type": "b", "major": 7, "minor": 1}, {"path": "/dev/bound", "type": "c",
				"major": 1, "minor": 3},
				{"path": "/opt/missing", "type": "c", "major": 9, "minor": 9}]}}`},
			func(o *Options) {
				o.Sources[1], o.Sources[2], o.NotOnHost = SourceFile, SourceFile, []string{"/opt/missing"}
			},
		},
		{
			"devices-user-namespace.linux-5.10", linux510(),
			[]string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "user"}],
			"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}],
			"gidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}`},
			nil,
		},
		{
			"terminal-bound-dev", modern(),
			[]string{`{"process": {"terminal": true}, "mounts": [{"destination": "/dev", "type": "bind",
				"source": "/dev", "options": ["rbind", "rshared"]}]}`},
			nil,
		},
		{"restrict-masked", modern(), []string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
			"linux": {"maskedPaths": ["/proc/kcore", "/secret"]}}`}, nil},
		{
			"restrict-readonly", modern(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]}],
			"linux": {"readonlyPaths": ["/proc/sys", "/etc"]}}`},
			nil,
		},
		{
			"restrict-readonly.linux-5.10", linux510(),
			[]string{`{"mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]}],
			"linux": {"readonlyPaths": ["/proc/sys", "/etc"]}}`},
			nil,
		},
		{"proc-sysctl", modern(), []string{`{"linux": {"namespaces": [{"type": "mount"}, {"type": "network"}],
			"sysctl": {"net.ipv4.ip_forward": "1", "net.core.somaxconn": "256"}}}`}, nil},
		{
			"proc-labels", withSELinux(),
			[]string{`{"process": {"selinuxLabel": "system_u:system_r:container_t:s0:c1,c2"}}`},
			nil,
		},
		{"proc-oom", modern(), []string{`{"process": {"oomScoreAdj": -500}}`}, nil},
		{"terminal", modern(), []string{`{"process": {"terminal": true, "consoleSize": {"height": 24, "width": 80},
			"user": {"uid": 1000}}}`}, nil},
		{"hooks", modern(), []string{`{"hooks": {"prestart": [{"path": "/a"}], "createRuntime": [{"path": "/b"}],
			"createContainer": [{"path": "/c"}],
			"startContainer": [{"path": "/d"}], "poststart": [{"path": "/e"}], "poststop": [{"path": "/f"}]}}`}, nil},
		{"hooks-intelrdt", modern(), []string{`{"linux": {"intelRdt": {"closID": "gold"}}}`}, nil},
		{
			"home", modern(),
			[]string{`{"process": {"env": ["A=b", "HOME="]}}`},
			func(o *Options) { o.Env = []string{"LISTEN_FDS=1"} },
		},
		{"cwd-readonly", modern(), []string{`{"root": {"readonly": true}, "process": {"cwd": "/srv/app"}}`}, nil},
		{
			"cwd-readonly-user", modern(),
			[]string{`{"root": {"readonly": true}, "process": {"cwd": "/srv/app",
				"user": {"uid": 1000, "gid": 1000}}}`},
			nil,
		},
		{"cwd-readonly-mount", modern(), []string{`{"process": {"cwd": "/run/app"}, "mounts": [
			{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "mode=755"]}]}`}, nil},
		{"rootfs-rslave", modern(), []string{`{"linux": {"rootfsPropagation": "rslave"}}`}, nil},
		{
			"cgroup-hybrid", hybrid(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
				"options": ["ro", "nosuid"]}]}`},
			nil,
		},
		{
			"cgroup-hybrid-namespace", hybrid(),
			[]string{`{"mounts": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}],
			"linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}]}}`},
			nil,
		},
		{
			"process-search", modern(),
			[]string{`{"process": {"args": ["app", "-v"], "env": ["PATH=/usr/bin:/bin::rel", "A=b"],
				"cwd": "/srv/app"}}`},
			nil,
		},
		{
			"process-user", modern(),
			[]string{`{"root": {"readonly": true}, "process": {"cwd": "/home/u", "user": {"uid": 1000, "gid": 1000,
				"additionalGids": [5, 6], "umask": 63}}}`},
			func(o *Options) { o.ChownStdio = [3]bool{false, true, true} },
		},
		{
			"process-limits", modern(),
			[]string{`{"process": {"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 4096}],
			"scheduler": {"policy": "SCHED_FIFO", "priority": 10}, "ioPriority": {"class": "IOPRIO_CLASS_BE",
			"priority": 4}},
			"linux": {"personality": {"domain": "LINUX32"}, "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"}}}`},
			nil,
		},
		{"rights", modern(), []string{`{"process": {"user": {"uid": 1000},
			"capabilities": {"bounding": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"],
			"effective": ["CAP_KILL"], "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]}},
			"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}}}`}, nil},
		{"rights-no-new-privs", modern(), []string{`{"process": {"noNewPrivileges": true},
			"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}}}`}, nil},
		{"listener", modern(), []string{`{"process": {"noNewPrivileges": true}, ` + notifyMkdir + `}`}, nil},
		{
			"listener-observe", modern(),
			[]string{`{"process": {"noNewPrivileges": true}}`},
			func(o *Options) { o.Observe = true },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOARCH != "amd64" && (strings.HasPrefix(test.name, "rights") ||
				strings.HasPrefix(test.name, "listener")) {
				t.Skip("the length of a filter differs between architectures")
			}
			s := config(t, test.edits...)
			o := options(s, &test.host)
			if test.set != nil {
				test.set(o)
			}
			o.Filter = filter(t, s)
			p, err := Compile(s, &test.host, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := nsenter.Assemble(&p.Program); err != nil {
				t.Fatal(err)
			}
			golden(t, test.name, p, partsOf(test.name))
		})
	}
}

// procAndSys is what a host has, and a procfs in the root file system, which the container's root covers.
var procAndSys = []KernelMount{{"/proc", "/"}, {"/sys", "/"}, {"/bundle/rootfs/proc", "/"}}

// notifyMkdir asks an agent about mkdir.
const notifyMkdir = `"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/agent.sock",
	"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}}`

// filter compiles the seccomp profile of s, if it has one.
func filter(t testing.TB, s *spec.Spec) *seccomp.Filter {
	t.Helper()
	if s.OCI.Linux == nil || s.OCI.Linux.Seccomp == nil {
		return nil
	}
	f, _, err := seccomp.Compile(s.OCI.Linux.Seccomp, runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestCorpus compiles every config that a real engine wrote, for every kind of host, and assembles it.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("../../spec/testdata/corpus/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	compiled := 0
	for _, path := range files {
		if strings.HasPrefix(filepath.Base(path), "exec-") {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := spec.Parse(raw, "/bundle", spec.LoadOptions{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for name, f := range map[string]host.Facts{"v2": modern(), "v1": cgroup1(), "5.10": linux510()} {
			o := options(s, &f)
			o.Filter = filter(t, s)
			p, err := Compile(s, &f, o)
			if name == "5.10" && recursive(s) {
				if err == nil || !strings.Contains(err.Error(), "Linux 5.12") {
					t.Errorf("%s on %s: %v, although its rro can't be done there", path, name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s on %s: %v", path, name, err)
				continue
			}
			if len(p.Warnings) > 0 {
				t.Errorf("%s on %s: warnings %q", path, name, p.Warnings)
			}
			if _, err := nsenter.Assemble(&p.Program); err != nil {
				t.Errorf("%s on %s: %v", path, name, err)
			}
			compiled++
		}
	}
	if compiled < 100 {
		t.Errorf("only %d plans compiled: has the corpus moved?", compiled)
	}
}

// recursive reports whether a bind mount has options for the whole tree.
func recursive(s *spec.Spec) bool {
	for i := range s.Mounts {
		if m := &s.Mounts[i]; m.Bind && m.RecSet|m.RecClear != 0 {
			return true
		}
	}
	return false
}

// TestRefusals checks what the compiler refuses for the host's sake.
func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		edit string
		set  func(*Options)
		want string
	}{
		"no AppArmor": {`{"process": {"apparmorProfile": "p"}}`, nil, "process.apparmorProfile"},
		"no SELinux":  {`{"process": {"selinuxLabel": "a:b:c"}}`, nil, "process.selinuxLabel"},
		"mount label": {`{"linux": {"mountLabel": "a:b:c"}}`, nil, "linux.mountLabel"},
		"groups denied": {
			`{"process": {"user": {"additionalGids": [5]}}}`,
			func(o *Options) { o.SetgroupsDeny = true }, "process.user.additionalGids",
		},
		"layer, no mounts": {`{"linux": {"namespaces": []}}`, func(o *Options) { o.Layer = &Layer{} }, "--ephemeral"},
		"private, no pivot": {
			`{"linux": {"rootfsPropagation": "private"}}`, func(o *Options) { o.NoPivot = true },
			"linux.rootfsPropagation",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s, f := config(t, test.edit), modern()
			o := options(s, &f)
			if test.set != nil {
				test.set(o)
			}
			if _, err := Compile(s, &f, o); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

// TestGrantable checks the warning that config.md asks for.
func TestGrantable(t *testing.T) {
	f := modern()
	f.Caps &^= 1 << unix.CAP_SYS_RESOURCE
	s := config(t, `{"process": {"capabilities": {"bounding": ["CAP_SYS_RESOURCE", "CAP_KILL"],
		"effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]}}}`)
	p, err := Compile(s, &f, options(s, &f))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "CAP_SYS_RESOURCE can't be granted") {
		t.Errorf("warnings %q", p.Warnings)
	}
}
