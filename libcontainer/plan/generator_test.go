package plan

import (
	"math/rand/v2"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
	"rt/spec"
)

// generator makes configs at random, with the structure of config.json.
type generator struct{ *rand.Rand }

func (g generator) maybe() bool { return g.IntN(2) == 0 }

// rarely is for what makes many plans impossible.
func (g generator) rarely() bool { return g.IntN(8) == 0 }

func (g generator) one(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) some(of ...string) (some []string) {
	for _, s := range of {
		if g.maybe() {
			some = append(some, s)
		}
	}
	return some
}

func (g generator) config() map[string]any {
	linux := map[string]any{"namespaces": g.namespaces()}
	doc := map[string]any{"ociVersion": "1.3.0", "root": map[string]any{
		"path":     "/bundle/rootfs",
		"readonly": g.maybe(),
	}, "linux": linux}
	if !g.rarely() {
		doc["process"] = g.process()
	}
	if g.maybe() {
		doc["hostname"] = "h"
	}
	for _, ns := range linux["namespaces"].([]any) {
		if n := ns.(map[string]any); n["type"] == "user" && n["path"] == nil {
			ids := []any{map[string]any{"containerID": 0, "hostID": 1000, "size": 65536}}
			linux["uidMappings"], linux["gidMappings"] = ids, ids
		}
	}
	if g.maybe() {
		linux["maskedPaths"] = g.some("/proc/kcore", "/proc/sys/kernel", "/sys/firmware", "/secret", "/proc")
		linux["readonlyPaths"] = g.some("/proc/sys", "/etc", "/sys/fs", "/proc/sys/net")
	}
	if g.maybe() {
		linux["rootfsPropagation"] = g.one("shared", "slave", "private", "rslave", "rprivate", "rshared", "unbindable")
	}
	if g.maybe() {
		linux["seccomp"] = map[string]any{
			"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/a",
			"syscalls": []any{map[string]any{
				"names":  []string{"mkdir"},
				"action": g.one("SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY", "SCMP_ACT_KILL"),
			}},
		}
	}
	if g.rarely() {
		linux["sysctl"] = map[string]string{"net.ipv4.ip_forward": "1"}
	}
	if g.maybe() {
		linux["devices"] = []any{map[string]any{
			"path": g.one("/dev/null", "/dev/net/tun", "/deep/er/node", "/dev/console", "/data",
				"/node"), "type": g.one("c", "b", "p"),
			"major": 1, "minor": 3, "uid": g.IntN(2),
		}}
	}
	var mounts []any
	for range g.IntN(9) {
		mounts = append(mounts, g.mount())
	}
	doc["mounts"] = mounts
	hooks := make(map[string]any)
	for _, kind := range g.some("prestart", "createRuntime", "createContainer", "startContainer", "poststop") {
		hooks[kind] = []any{map[string]any{"path": "/bin/hook"}}
	}
	doc["hooks"] = hooks
	return doc
}

func (g generator) namespaces() []any {
	var all []any
	for _, kind := range []string{"mount", "pid", "network", "ipc", "uts", "cgroup", "user", "time"} {
		if g.rarely() || kind != "mount" && kind != "pid" && g.maybe() {
			continue
		}
		n := map[string]any{"type": kind}
		if g.rarely() {
			n["path"] = "/proc/7/ns/" + kind
		}
		all = append(all, n)
	}
	return all
}

func (g generator) process() map[string]any {
	caps := []string{"CAP_KILL", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SETUID"}
	p := map[string]any{
		"args": []string{g.one("/bin/true", "true", "./true")}, "env": append(g.some("HOME=/", "HOME="),
			"PATH=/bin:/usr/bin"),
		"cwd": g.one("/", "/home/u", "/tmp"), "user": map[string]any{"uid": g.one0(1000), "gid": g.one0(1000)},
		"noNewPrivileges": g.maybe(), "terminal": g.rarely(),
		"capabilities": map[string]any{"bounding": caps, "permitted": g.some(caps...), "effective": []string{}},
	}
	if g.rarely() {
		delete(p, "capabilities")
	}
	if g.maybe() {
		p["oomScoreAdj"] = 5
		p["rlimits"] = []any{map[string]any{"type": g.one("RLIMIT_NOFILE", "RLIMIT_NPROC"), "soft": 10, "hard": 10}}
	}
	if g.rarely() {
		p["scheduler"] = map[string]any{"policy": g.one("SCHED_FIFO", "SCHED_BATCH"), "priority": 0}
	}
	if g.rarely() {
		p["apparmorProfile"], p["selinuxLabel"] = "p", "a:b:c"
	}
	return p
}

func (g generator) one0(n int) int { return g.IntN(2) * n }

func (g generator) mount() map[string]any {
	m := map[string]any{"destination": g.one("/proc", "/sys", "/dev", "/dev/shm", "/data", "/data/below", "/proc/kcore",
		"/sys/fs/cgroup", "/etc/hosts")}
	kind := g.one("proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "ext4", "bind", "bind", "remount")
	if m["destination"] == "/proc" {
		kind = g.one("proc", "bind", "remount") // package spec takes nothing else there
	}
	switch kind {
	case "bind":
		m["type"], m["source"] = "bind", g.one("/src", "/sys", "/dev")
		m["options"] = append(g.some("ro", "nosuid", "nodev", "rro", "rslave", "shared", "idmap", "src-nofollow",
			"dest-nofollow"), g.one("bind", "rbind"))
	case "remount":
		m["options"] = append(g.some("ro", "nosuid", "bind"), "remount")
	default:
		m["type"], m["source"], m["options"] = kind, kind, g.some("ro", "nosuid", "noexec", "private")
		if kind == "tmpfs" && g.rarely() {
			m["options"] = []string{"tmpcopyup", "ro"}
		}
	}
	return m
}

func (g generator) options(s *spec.Spec, f *host.Facts) *Options {
	o := options(s, f)
	o.KernelMounts = procAndSys
	o.Wait, o.NoPivot, o.Trace, o.NoNewKeyring, o.SetgroupsDeny = g.maybe(), g.rarely(), g.rarely(), g.rarely(),
		f.EUID != 0
	o.PreserveFDs = g.IntN(3)
	if g.rarely() {
		o.CgroupFD, o.CgroupJoins, o.CgroupAttach = false, nil, true
	}
	if g.rarely() {
		o.Layer = &Layer{Mode: 0o755, Dir: g.one("", "/kept")}
	}
	if g.rarely() {
		o.Notify = "/run/notify"
	}
	o.Observe = g.rarely()
	o.HardLimits = map[int]uint64{unix.RLIMIT_NOFILE: 5, unix.RLIMIT_NPROC: 20}
	for i := range o.Sources {
		if o.Sources[i] == SourceDir && g.rarely() {
			o.Sources[i] = [...]Source{SourceFile, SourceLater}[g.IntN(2)]
		}
	}
	if g.rarely() {
		o.ModesLater, o.Links = make([]bool, len(s.Mounts)), make([]string, len(s.Mounts))
		for i := range s.Mounts {
			if m := &s.Mounts[i]; m.Bind && !m.Remount && !m.IDMap && g.rarely() {
				o.Links[i] = "target"
			}
			o.ModesLater[i] = s.Mounts[i].Type == "tmpfs" && g.maybe()
		}
	}
	if g.rarely() {
		o.OpenFiles = 200 // so few that each descriptor is closed as soon as possible
	}
	return o
}
