package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// kase is a bundle and what is done with it.
type kase struct {
	genes    []gene
	sequence []string // commands; nil: run, with the probe as the program
}

func (c *kase) String() string {
	var b strings.Builder
	for _, g := range c.genes {
		fmt.Fprintf(&b, "\n    %s", g.name)
	}
	if c.sequence != nil {
		fmt.Fprintf(&b, "\n    commands: %s", strings.Join(c.sequence, "; "))
	}
	return b.String()
}

// has reports whether a gene of c has this name.
func (c *kase) has(name string) bool {
	return slices.ContainsFunc(c.genes, func(g gene) bool { return g.name == name })
}

// gene is one change of the default bundle. It is made once, with all its random choices, and applied again and again.
type gene struct {
	name  string
	apply func(b *bundle)
}

func newCase(r *rand.Rand) *kase {
	c := &kase{}
	for range 1 + r.IntN(6) {
		c.genes = append(c.genes, makers[r.IntN(len(makers))](r))
	}
	switch r.IntN(4) {
	case 0:
		c.sequence = newSequence(r)
	case 1:
		c.sequence = []string{"create", "start", newExec(r)}
	}
	return c
}

// newSequence is a life with mistakes in it.
func newSequence(r *rand.Rand) []string {
	all := []string{
		"create", "start", "start", "pause", "resume", "kill KILL", "kill 0", "kill TERM", "delete", "delete --force",
		"update --pids-limit 50", "exec true", "exec false",
		"exec nonesuch", "ps --format json", "run", "create", "kill 9", "kill SIGUSR1", "kill nonesuch",
		"exec -d sleep 100", "update --pids-limit 60", "update --memory 67108864",
		"update --cpu-shares 512", "pause", "resume",
	}
	s := []string{"create"}
	if r.IntN(2) == 0 {
		s = append(s, "start")
	}
	for range 2 + r.IntN(5) {
		next := all[r.IntN(len(all))]
		if killsCreated(append(s, next)) {
			next = "start"
		}
		s = append(s, next)
	}
	return s
}

// killsCreated reports whether a sequence ends a container that has not been started with another signal than SIGKILL:
// with rt any signal does that whose default action is to terminate (docs/decisions/0011).
func killsCreated(sequence []string) bool {
	for _, command := range sequence {
		switch command {
		case "start", "run":
			return false
		case "kill TERM", "kill SIGUSR1":
			return true
		}
	}
	return false
}

// newExec is an exec of the probe with options.
func newExec(r *rand.Rand) string {
	var e strings.Builder
	e.WriteString("exec")
	for _, o := range []string{
		"--user 1000", "--user 1000:1000", "--cwd /tmp", "--cwd /opt/x/..", "--env A=b", "--env HOME=/x",
		"--env PATH=/bin", "--cap CAP_NET_ADMIN", "--no-new-privs", "--additional-gids 7",
		"--preserve-fds 0",
	} {
		if r.IntN(5) == 0 {
			e.WriteString(" " + o)
		}
	}
	return e.String() + " PROBE"
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// some returns some of all, in another order, at least one.
func some(r *rand.Rand, all ...string) (s []string) {
	for _, i := range r.Perm(len(all))[:1+r.IntN(min(len(all), 5))] {
		s = append(s, all[i])
	}
	return s
}

var flagWords = []string{
	"ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "noatime", "atime", "relatime", "norelatime",
	"strictatime", "nodiratime", "diratime", "sync", "async",
}

var propagations = []string{"private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable"}

var targets = []string{
	"/data", "/mnt/a/b", "/opt/x", "/run", "/tmp", "/var/run/x", "/link/x", "/etc/data",
	"/dev/extra", "/new/deep/er", "/opt/dangling", "/dev/shm/x",
}

// makers make a gene each.
var makers = []func(r *rand.Rand) gene{
	func(r *rand.Rand) gene {
		target, options := pick(r, targets...), some(r,
			append(flagWords, "mode=1777", "mode=700", "size=64k", "uid=1000", "gid=5", "nr_inodes=100")...)
		return gene{
			fmt.Sprintf("tmpfs at %s %v", target, options),
			func(b *bundle) { b.mount(target, "tmpfs", "tmpfs", options) },
		}
	},
	newBind, newBind, newBind,
	func(r *rand.Rand) gene {
		target, options := pick(r, "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/dev",
			"/sys/fs/cgroup"), some(r, flagWords...)
		return gene{
			fmt.Sprintf("further options of %s: %v", target, options),
			func(b *bundle) { b.mountOptions(target, options) },
		}
	},
	func(r *rand.Rand) gene {
		options := append([]string{"remount", "bind"}, some(r, flagWords...)...)
		target := pick(r, "/sys", "/dev/shm", "/dev/mqueue")
		return gene{
			fmt.Sprintf("remount %s %v", target, options),
			func(b *bundle) { b.mount(target, "", "none", options) },
		}
	},
	func(r *rand.Rand) gene {
		p := pick(r, append(propagations, "")...)
		return gene{"rootfsPropagation " + p, func(b *bundle) { b.at("linux")["rootfsPropagation"] = p }}
	},
	func(*rand.Rand) gene {
		return gene{"a read-only root", func(b *bundle) { b.at("root")["readonly"] = true }}
	},
	func(r *rand.Rand) gene {
		paths := some(r, "/proc/kcore", "/proc/sys/kernel/shmmax", "/sys/firmware", "/proc/acpi", "/secret",
			"/secret.d", "/nonesuch", "/etc/passwd", "/link/x", "/tmp")
		return gene{fmt.Sprintf("maskedPaths %v", paths), func(b *bundle) { b.at("linux")["maskedPaths"] = paths }}
	},
	func(r *rand.Rand) gene {
		paths := some(r, "/proc/sys", "/proc/bus", "/sys/fs", "/secret", "/secret.d", "/nonesuch", "/tmp", "/link/x",
			"/dev/shm", "/etc")
		return gene{fmt.Sprintf("readonlyPaths %v", paths), func(b *bundle) { b.at("linux")["readonlyPaths"] = paths }}
	},
	func(r *rand.Rand) gene {
		kind := pick(r, "ipc", "uts", "network", "cgroup", "pid")
		return gene{"without a " + kind + " namespace", func(b *bundle) { b.dropNamespace(kind) }}
	},
	func(*rand.Rand) gene {
		return gene{"a cgroup namespace", func(b *bundle) { b.dropNamespace("cgroup"); b.namespace("cgroup") }}
	},
	func(r *rand.Rand) gene {
		host := pick(r, 0, 100000)
		return gene{fmt.Sprintf("a user namespace from %d", host), func(b *bundle) { b.userNamespace(host) }}
	},
	func(r *rand.Rand) gene {
		user := map[string]any{"uid": pick(r, 0, 1, 1000, 4711), "gid": pick(r, 0, 1, 1000)}
		if r.IntN(2) == 0 {
			user["additionalGids"] = []int{5, 10, 1000}[:1+r.IntN(3)]
		}
		if r.IntN(3) == 0 {
			user["umask"] = pick(r, 0, 0o22, 0o77, 0o777)
		}
		return gene{fmt.Sprintf("user %v", user), func(b *bundle) { b.at("process")["user"] = user }}
	},
	func(r *rand.Rand) gene {
		cwd := pick(r, "/", "/tmp", "/work/deep", "/data", "/link", "/opt/x", "/new/deep/er", "/root")
		return gene{"cwd " + cwd, func(b *bundle) { b.at("process")["cwd"] = cwd }}
	},
	func(r *rand.Rand) gene {
		env := some(r, "A=1", "A=2", "EMPTY=", "HOME=/elsewhere", "HOME=", "PATH=/bin:/sbin", "TERM=vt100", "SPACE=a b",
			"X=y=z")
		return gene{fmt.Sprintf("env %v", env), func(b *bundle) { b.env(env) }}
	},
	newCapabilities,
	func(r *rand.Rand) gene {
		kind, soft := pick(r, "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_CORE", "RLIMIT_STACK", "RLIMIT_MEMLOCK",
			"RLIMIT_FSIZE", "RLIMIT_CPU"), pick(r, 64, 1000, 1024)
		return gene{fmt.Sprintf("%s %d", kind, soft), func(b *bundle) {
			b.at("process")["rlimits"] = []any{map[string]any{"type": kind, "soft": soft << 10, "hard": soft << 10}}
		}}
	},
	func(r *rand.Rand) gene {
		on := r.IntN(2) == 0
		return gene{fmt.Sprintf("noNewPrivileges %v", on), func(b *bundle) { b.at("process")["noNewPrivileges"] = on }}
	},
	func(r *rand.Rand) gene {
		n := pick(r, 0, 100, 1000)
		return gene{fmt.Sprintf("oomScoreAdj %d", n), func(b *bundle) { b.at("process")["oomScoreAdj"] = n }}
	},
	func(r *rand.Rand) gene {
		name := pick(r, "", "host", "a.b.c")
		return gene{fmt.Sprintf("hostname %q", name), func(b *bundle) { b.at()["hostname"] = name }}
	},
	func(r *rand.Rand) gene {
		key, value := "net.ipv4.ip_forward", "1"
		switch r.IntN(4) {
		case 0:
			key, value = "kernel.shmmax", "65536"
		case 1:
			key, value = "fs.mqueue.msg_max", "20"
		case 2:
			key, value = "net.ipv4.ping_group_range", "0 100"
		}
		return gene{"sysctl " + key + "=" + value, func(b *bundle) { b.at("linux", "sysctl")[key] = value }}
	},
	newNamespaces,
	func(*rand.Rand) gene {
		return gene{"a time namespace with offsets", func(b *bundle) {
			b.dropNamespace("time")
			b.namespace("time")
			b.at("linux")["timeOffsets"] = map[string]any{
				"monotonic": map[string]any{"secs": 5000},
				"boottime":  map[string]any{"secs": 1000000},
			}
		}}
	},
	func(*rand.Rand) gene { return gene{"a terminal", func(b *bundle) { b.tty = true }} },
	newDevice, newDevice,
	newResources,
	newSeccomp,
	newHook, newHook,
	newImage, newImage, newImage,
	newCaller, newCaller,
	func(r *rand.Rand) gene {
		n := pick(r, 1, 7, 126, 255)
		return gene{fmt.Sprintf("exit status %d", n), func(b *bundle) { b.exit = fmt.Sprintf("exit %d", n) }}
	},
	func(r *rand.Rand) gene {
		args := pick(r, []string{"nonesuch"}, []string{"/etc/passwd"}, []string{"/"}, []string{"/nonesuch/x"},
			[]string{""}, []string{"/bin/noexec"}, []string{"./sh", "-c", "exit 3"}, []string{"/bin/script"})
		return gene{fmt.Sprintf("args %q", args), func(b *bundle) { b.args = args }}
	},
}

func newBind(r *rand.Rand) gene {
	source := pick(r, "plain", "file", "noexec", "tree", "tree/below", "link")
	if oldPeers && (source == "noexec" || source == "tree/below") {
		source = "plain" // before runc 1.2 a bind kept its source's flags
	}
	target := pick(r, targets...)
	if source == "file" && r.IntN(3) == 0 {
		target = pick(r, "/etc/passwd", "/etc/resolv.conf", "/dev/extra", "/secret")
	}
	options := []string{pick(r, "bind", "rbind")}
	if r.IntN(4) > 0 {
		options = append(options, some(r, flagWords...)...)
	}
	if r.IntN(3) == 0 {
		options = append(options, pick(r, propagations...))
	}
	return gene{fmt.Sprintf("bind %s at %s %v", source, target, options), func(b *bundle) {
		b.mount(target, pick(rand.New(rand.NewPCG(1, 1)), "bind"), b.w.dir+"/src/"+source, options)
	}}
}

func newCapabilities(r *rand.Rand) gene {
	sets := make(map[string]any)
	names := []string{
		"CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_SETUID",
		"CAP_DAC_OVERRIDE",
	}
	base := some(r, names...)
	for _, set := range []string{"bounding", "permitted", "effective"} {
		sets[set] = base
	}
	switch r.IntN(4) {
	case 0:
		sets["inheritable"] = base
		sets["ambient"] = base
	case 1:
		sets["effective"] = base[:1]
	case 2:
		sets["permitted"] = base[:1]
		sets["effective"] = base[:1]
	}
	return gene{fmt.Sprintf("capabilities %v", sets), func(b *bundle) { b.at("process")["capabilities"] = sets }}
}

func newDevice(r *rand.Rand) gene {
	d := map[string]any{
		"path": pick(r, "/dev/one", "/dev/sub/two", "/dev/null", "/dev/fuse", "/data/node"),
		"type": pick(r, "c", "b", "p", "u"), "major": pick(r, 1, 10, 7), "minor": pick(r, 3, 5, 229),
	}
	if r.IntN(2) == 0 {
		d["fileMode"] = pick(r, 0o666, 0o600, 0o640)
	}
	if r.IntN(2) == 0 {
		d["uid"], d["gid"] = pick(r, 0, 1000), pick(r, 0, 5)
	}
	if d["type"] == "p" {
		if d["path"] == "/dev/null" {
			d["path"] = "/dev/one" // whoever writes to it would wait forever
		}
		delete(d, "major")
		delete(d, "minor")
	}
	return gene{fmt.Sprintf("device %v", d), func(b *bundle) { b.add(d, "linux", "devices") }}
}

func newResources(r *rand.Rand) gene {
	key := pick(r, "memory", "pids", "cpu", "devices", "cpus")
	var value map[string]any
	switch key {
	case "memory":
		value = map[string]any{"memory": pick(r, map[string]any{"limit": 64 << 20},
			map[string]any{"limit": 64 << 20, "swap": 128 << 20}, map[string]any{"reservation": 32 << 20},
			map[string]any{"limit": -1})}
	case "pids":
		value = map[string]any{"pids": map[string]any{"limit": pick(r, 100, -1, 0)}}
	case "cpu":
		value = map[string]any{"cpu": pick(r, map[string]any{"shares": 512}, map[string]any{"quota": 50000},
			map[string]any{"quota": 50000, "period": 200000}, map[string]any{"shares": 0})}
	case "cpus":
		value = map[string]any{"cpu": map[string]any{"cpus": "0"}}
	default:
		value = map[string]any{"devices": []any{
			map[string]any{"allow": false, "access": "rwm"},
			map[string]any{"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"},
		}}
	}
	return gene{fmt.Sprintf("resources %v", value), func(b *bundle) {
		maps.Copy(b.at("linux", "resources"), value)
	}}
}

func newSeccomp(r *rand.Rand) gene {
	rule := map[string]any{"names": []string{"mkdir", "mkdirat"}, "action": "SCMP_ACT_ERRNO"}
	if r.IntN(2) == 0 {
		rule["errnoRet"] = 28
	}
	return gene{fmt.Sprintf("seccomp %v", rule), func(b *bundle) {
		b.at("linux")["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []any{rule}}
	}}
}

func newHook(r *rand.Rand) gene {
	kind := pick(r, "prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
	fail := r.IntN(6) == 0
	return gene{fmt.Sprintf("hook %s, failing %v", kind, fail), func(b *bundle) { b.hook(kind, fail) }}
}
