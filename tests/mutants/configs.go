package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The configs of the scenarios.

// everyday is a user, a working directory that has to be made, and volumes.
func everyday(w *world, c config) {
	c.at("process")["cwd"] = "/work/here"
	c.at("root")["readonly"] = false
	c.at("process")["user"] = map[string]any{"uid": 7, "gid": 8, "additionalGids": []int{9}, "umask": 0o27}
	c.bind(w, "/data", "rbind", "ro", "nosuid", "nodev", "noexec")
	c.mount("/made/file", "", w.dir+"/source/file", "bind")
}

// dockerBinds are the files that Docker binds, and a prestart hook instead of its own.
func dockerBinds(w *world, c config) {
	var mounts []any
	for _, m := range c["mounts"].([]any) {
		if m.(map[string]any)["type"] != "bind" {
			mounts = append(mounts, m)
		}
	}
	c["mounts"] = mounts
	c.mount("/p", "bind", w.dir+"/source", "rbind", "rslave")
	c.mount("/etc/hosts", "bind", w.dir+"/source/file", "rbind", "rprivate")
	c["hooks"] = map[string]any{"prestart": []any{w.hook("prestart")}}
	c.at("linux", "resources")["memory"] = map[string]any{}
	delete(c.at("linux", "resources"), "blockIO")
}

// kubernetes is what CRI asks of a container in a pod, as far as a plan shows it.
func kubernetes(w *world, c config) {
	dockerBinds(w, c)
	delete(c, "hooks")
	delete(c, "hostname") // the pod has one
	delete(c.at("linux"), "sysctl")
	c.at("root")["readonly"] = true
	process := c.at("process")
	process["user"] = map[string]any{"uid": 7, "gid": 8, "additionalGids": []int{8}}
	process["noNewPrivileges"] = true
	process["oomScoreAdj"] = 985
	pod := "/proc/" + strconv.Itoa(max(w.pod, 1)) + "/ns/"
	c.at("linux")["namespaces"] = []any{
		map[string]any{"type": "pid"},
		map[string]any{"type": "mount"},
		map[string]any{"type": "cgroup"},
		map[string]any{"type": "network", "path": pod + "net"},
		map[string]any{"type": "ipc", "path": pod + "ipc"},
		map[string]any{"type": "uts", "path": pod + "uts"},
	}
	c.mount("/var/run/secrets", "bind", w.dir+"/source", "rbind", "rro", "rprivate")
}

// rootless adds a volume to what `rt spec --rootless` writes.
func rootless(w *world, c config) {
	delete(c.at("linux"), "cgroupsPath")
	c.bind(w, "/data", "rbind", "ro")
}

// userNamespace is a container whose ids are others on the host.
func userNamespace(w *world, c config) {
	linux := c.at("linux")
	linux["namespaces"] = append(linux["namespaces"].([]any), map[string]any{"type": "user"},
		map[string]any{"type": "time"})
	ids := []any{map[string]any{"containerID": 0, "hostID": w.owner, "size": 65536}}
	linux["uidMappings"], linux["gidMappings"] = ids, ids
	linux["timeOffsets"] = map[string]any{"monotonic": map[string]any{"secs": 5000}}
	c.bind(w, "/data", "rbind", "ro", "nodev")
	c.mount("/etc/hosts", "", w.dir+"/source/file", "bind")
}

// withTerminal is a container with a terminal, and a user who gets it.
func withTerminal(_ *world, c config) {
	c.at("process")["terminal"] = true
	c.at("process")["user"] = map[string]any{"uid": 7, "gid": 8}
	c.at("process")["consoleSize"] = map[string]any{"height": 44, "width": 99}
}

// withHooks has all kinds of hooks.
func withHooks(w *world, c config) {
	c.at("root")["readonly"] = false
	hooks := map[string]any{}
	for _, kind := range []string{
		"prestart", "createRuntime", "createContainer", "startContainer", "poststart",
		"poststop",
	} {
		hooks[kind] = []any{w.hook(kind)}
	}
	c["hooks"] = hooks
	c.at("process")["user"] = map[string]any{"uid": 0, "gid": 8}
	c.at("process")["noNewPrivileges"] = true
	c.at("linux")["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_ALLOW"}
}

// hookScript writes down how a hook was called.
const hookScript = `exec >>FILE
for n in mnt pid net user; do echo "KIND $(readlink /proc/self/ns/$n)"; done
grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp|Umask)" /proc/self/status | sed "s/^/KIND /"
echo "KIND cwd $(pwd -P) files $(ls /proc/self/fd | tr "\n" " ")"
state=$(cat)
echo "KIND status $(echo "$state" | sed 's/.*"status": *"\([a-z]*\)".*/\1/') pid $(echo "$state" | grep -c '"pid"')"`

func (w *world) hook(kind string) map[string]any {
	file := w.dir + "/hooks"
	if kind == "startContainer" {
		file = "/hooks"
	}
	script := strings.NewReplacer("KIND", kind, "FILE", file).Replace(hookScript)
	return map[string]any{
		"path": "/bin/sh", "args": []string{"sh", "-c", script},
		"env": []string{"PATH=/bin:/usr/bin", "HOOK=" + kind},
	}
}

// readOnlyBinds is for a layer: what is below is nobody's to change.
func readOnlyBinds(w *world, c config) {
	c.at("root")["readonly"] = false
	c.bind(w, "/data", "bind", "ro")
}

// everyOption asks for what has steps of its own, and is in no other scenario.
func everyOption(w *world, c config) {
	c["domainname"] = "example"
	process := c.at("process")
	process["cwd"] = "/work"
	process["user"] = map[string]any{"uid": 7, "gid": 8, "additionalGids": []int{9, 10}, "umask": 0o27}
	process["capabilities"] = map[string]any{
		"bounding": caps, "permitted": caps, "effective": caps,
		"inheritable": caps, "ambient": caps,
	}
	process["rlimits"] = []any{
		map[string]any{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 65},
		map[string]any{"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
	}
	process["oomScoreAdj"] = 100
	process["ioPriority"] = map[string]any{"class": "IOPRIO_CLASS_BE", "priority": 6}
	process["scheduler"] = map[string]any{"policy": "SCHED_BATCH", "nice": 5}
	process["execCPUAffinity"] = map[string]any{"initial": "0", "final": "1"}
	process["noNewPrivileges"] = false
	linux := c.at("linux")
	linux["personality"] = map[string]any{"domain": "LINUX32"}
	linux["sysctl"] = map[string]any{"net.ipv4.ip_unprivileged_port_start": "7", "kernel.msgmax": "9999"}
	linux["seccomp"] = map[string]any{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []any{
		map[string]any{"names": []string{"reboot"}, "action": "SCMP_ACT_ERRNO", "errnoRet": 99},
	}}
	linux["devices"] = []any{map[string]any{
		"path": "/dev/mine", "type": "c", "major": 1, "minor": 5,
		"fileMode": 0o640, "uid": 7, "gid": 9,
	}}
	linux["maskedPaths"] = []string{"/secret", "/sys/firmware", "/proc/keys"}
	linux["readonlyPaths"] = []string{"/proc/sys", "/opt"}
	linux["rootfsPropagation"] = "rshared"
	c.bind(w, "/data", "rbind", "rro", "rnosuid", "rslave")
	c.mount("/copied", "tmpfs", "tmpfs", "tmpcopyup", "nosuid", "nodev", "noexec", "size=64k")
	c.bind(w, "/opt", "rbind", "private")
	c.mount("/made/file", "", w.dir+"/plain/file", "bind", "nosuid")
	c.mount("/made/file-2", "", w.dir+"/source/file", "bind", "nosuid")
	c.at("root")["readonly"] = false
}

var caps = []string{"CAP_KILL", "CAP_NET_BIND_SERVICE"}

// deepDirectories adds what everyOption copies.
func deepDirectories(w *world) error {
	if err := os.MkdirAll(w.rootfs("copied/below"), 0o751); err != nil {
		return err
	}
	return os.WriteFile(w.rootfs("copied/below/file"), []byte("copied\n"), 0o640)
}

// manyMounts takes more descriptors than strangeCaller leaves, and gives capabilities on, but none as ambient ones.
func manyMounts(w *world, c config) {
	delete(c.at("process"), "rlimits") // those of the caller are given on
	capabilities := c.at("process", "capabilities")
	for _, set := range []string{"bounding", "permitted", "effective", "inheritable"} {
		capabilities[set] = caps
	}
	for i := range 30 {
		c.mount("/data/"+strconv.Itoa(i), "", w.dir+"/source", "rbind", "rro")
	}
}

// strangeCaller calls rt bound to one CPU, with few open files, a group, ambient capabilities, and a umask of 077.
func strangeCaller(cmd *exec.Cmd) {
	cmd.Path = "/bin/sh"
	cmd.Args = append([]string{"sh", "-c", `ulimit -S -n 20; umask 077; exec taskset -c 0 "$@"`, "sh"}, cmd.Args...)
	cmd.SysProcAttr.Credential = &syscall.Credential{Groups: []uint32{5}}
	cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_KILL, unix.CAP_CHOWN}
}

// inGroup calls rt with a supplementary group.
func inGroup(cmd *exec.Cmd) { cmd.SysProcAttr.Credential = &syscall.Credential{Groups: []uint32{5}} }

func writable(_ *world, c config) { c.at("root")["readonly"] = false }

// bareImage takes away the directories that mounts need.
func bareImage(w *world) error {
	for _, name := range []string{"dev", "proc", "sys", "tmp", "data"} {
		if err := os.Remove(w.rootfs(name)); err != nil {
			return err
		}
	}
	return nil
}

// noProgram is known to be wrong when the container is created.
func noProgram(_ *world, c config) { c.at("process")["args"] = []string{"/bin/nothing"} }

// closedCwd has a working directory that its user can enter, and the container's root can't.
func closedCwd(w *world, c config) {
	userNamespace(w, c)
	c.at("process")["cwd"] = "/closed"
	c.at("process")["user"] = map[string]any{"uid": 7, "gid": 8}
}

// closedDirectory makes it: its owner has no id in the container, so that root's capabilities are not for it.
func closedDirectory(w *world) error { return os.Mkdir(w.rootfs("closed"), 0o750) }

// fileInTheWay mounts a directory on a file.
func fileInTheWay(w *world, c config) { c.mount("/secret", "bind", w.dir+"/source", "rbind") }

// What lies where a directory should.
const (
	aFile = "file"
	aLink = "link"
)

// sysIs puts something else at /sys.
func sysIs(what string) func(w *world) error {
	return func(w *world) error {
		if err := os.Remove(w.rootfs("sys")); err != nil {
			return err
		}
		if what == aLink {
			return os.Symlink("data", w.rootfs("sys"))
		}
		return os.WriteFile(w.rootfs("sys"), nil, 0o644)
	}
}

// linkedRoot makes a link of root.path.
func linkedRoot(w *world) error {
	if err := os.Rename(w.rootfs(""), w.bundle+"/image"); err != nil {
		return err
	}
	return os.Symlink("image", w.bundle+"/rootfs")
}

// imageDev has the image's /dev, and nodes that have to be lent.
func imageDev(w *world, c config) {
	userNamespace(w, c)
	var mounts []any
	for _, m := range c["mounts"].([]any) {
		if at := m.(map[string]any)["destination"].(string); !strings.HasPrefix(at, "/dev") {
			mounts = append(mounts, m)
		}
	}
	c["mounts"] = mounts
}

// linkForNode has a link where a node is lent.
func linkForNode(w *world) error { return os.Symlink("../secret", w.rootfs("dev/null")) }

// magicMount has a target that is found through a magic link: /proc of the container is there by then.
func magicMount(w *world, c config) {
	c.mount("/magic/folder", "bind", w.dir+"/source", "bind")
	c.mount("/magic/file", "bind", w.dir+"/source/file", "bind")
}

// magicLink leads to what the boot process has for its root: the host's.
func magicLink(w *world) error {
	return os.Symlink("/proc/self/root"+w.dir+"/victim", w.rootfs("magic"))
}

// linkedMounts are mounts whose targets are found through links of the image.
func linkedMounts(w *world, c config) {
	c.at("root")["readonly"] = false
	c.at("root")["path"] = "link-to-rootfs"
	c.at("process")["cwd"] = "/to-victim/made"
	c.mount("/to-victim/folder", "", w.dir+"/source", "bind", "ro")
	c.mount("/to-victim/new", "tmpfs", "tmpfs", "size=64k")
	c.mount("/to-victim/a-file", "", w.dir+"/source/file", "bind")
	linux := c.at("linux")
	linux["maskedPaths"] = []string{"/to-victim/file", "/to-victim/hidden"}
	linux["readonlyPaths"] = []string{"/to-victim/locked"}
	linux["devices"] = []any{map[string]any{"path": "/to-victim/null", "type": "c", "major": 1, "minor": 3}}
}

// links leads from the image to the victim, if "/" is the host's, and to the same path in the image, if it is the
// image's.
func links(w *world) error {
	for _, dir := range []string{
		w.dir + "/victim/hidden", w.dir + "/victim/locked",
		w.rootfs(w.dir + "/victim/hidden"),
		w.rootfs(w.dir + "/victim/locked"), w.rootfs(w.dir + "/victim/folder"),
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, file := range []string{
		w.rootfs(w.dir + "/victim/file"), w.rootfs(w.dir + "/victim/a-file"),
		w.dir + "/victim/a-file",
	} {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			return err
		}
	}
	if err := os.Symlink("rootfs", w.bundle+"/link-to-rootfs"); err != nil {
		return err
	}
	return os.Symlink(w.dir+"/victim", w.rootfs("to-victim"))
}
