package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"rt/tests/internal/stage"
)

// bundle is a bundle in the making: the default config, the image, and what the caller of the runtime is like.
type bundle struct {
	w      *world
	dir    string
	config map[string]any
	args   []string // instead of the probe
	exit   string   // what the probe ends with
	caller []string // lines of shell in front of the runtime
	script []string // lines of shell, in the root file system
	tty    bool     // the runtime's caller has a terminal, and the container
}

// makeBundle makes the bundle of c in the one directory that all runtimes are given.
func (w *world) makeBundle(c *kase) (*bundle, error) {
	b := &bundle{w: w, dir: w.dir + "/bundle", exit: "exit 0"}
	if err := os.RemoveAll(b.dir); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(w.config, &b.config); err != nil {
		return nil, err
	}
	b.at("process")["terminal"] = false
	b.at("root")["readonly"] = false
	b.config["ociVersion"] = "1.0.2" // what old runtimes know
	if w.user != 0 {
		b.namespace("user")
		b.mapIDs()
		b.mountWithoutGroup()
	}
	for _, g := range c.genes {
		g.apply(b)
	}
	if b.args == nil {
		b.args = []string{"/bin/sh", "-c", probe + b.exit}
	}
	if c.sequence != nil {
		// The shell executes a trap at once while it is in wait, and not until the end of a command otherwise.
		b.args = []string{"/bin/sh", "-c", "trap 'exit 0' USR1; while :; do sleep 1 & wait; done"}
	}
	b.at("process")["args"] = b.args
	b.namespaceNames()
	if c.sequence != nil {
		b.tty = false
	}
	b.at("process")["terminal"] = b.tty
	return b, b.write()
}

func (b *bundle) write() error {
	text, err := json.MarshalIndent(b.config, "", "  ")
	if err != nil {
		return err
	}
	script := fmt.Sprintf(`set -e
mkdir -p '%[1]s/rootfs' && cd '%[1]s/rootfs' && chmod 755 . ..
mkdir -p bin dev etc proc sys tmp root var/run opt run secret.d work
cp '%[2]s' bin/busybox
for a in sh cat stat sed sort env hostname ls ln mkdir readlink grep sleep true false ionice id echo pwd stty tr; do
	ln -s busybox bin/$a
done
echo root:x:0:0:root:/root:/bin/sh >etc/passwd; echo root:x:0: >etc/group
echo hush >secret; echo hush >secret.d/file; cp bin/busybox bin/noexec; chmod 644 bin/noexec
printf '#!/bin/sh\nexit 4\n' >bin/script; chmod 755 bin/script
%[3]s
`, b.dir, b.w.busybox, strings.Join(b.script, "\n"))
	if b.w.user != 0 {
		script += fmt.Sprintf("chown -R %[1]d:%[1]d '%[2]s'\n", b.w.user, b.dir)
	}
	if out, err := exec.Command("/bin/sh", "-c", "umask 022\n"+script).CombinedOutput(); err != nil {
		return fmt.Errorf("make the image: %w: %s", err, out)
	}
	return os.WriteFile(b.dir+"/config.json", text, 0o644)
}

// mountWithoutGroup takes gid=5 from devpts, which an ordinary user's namespace has not.
func (b *bundle) mountWithoutGroup() {
	for _, m := range b.config["mounts"].([]any) {
		m := m.(map[string]any)
		if list, ok := m["options"].([]any); ok {
			m["options"] = slices.DeleteFunc(list, func(o any) bool { return o == "gid=5" })
		}
	}
}

// at returns the object at a path of keys, which it makes if it is not there.
func (b *bundle) at(keys ...string) map[string]any {
	return stage.At(b.config, keys...)
}

// add appends to a list.
func (b *bundle) add(value any, keys ...string) {
	stage.Add(b.config, value, keys...)
}

func (b *bundle) sh(line string) { b.script = append(b.script, line) }

func (b *bundle) mount(target, kind, source string, options []string) {
	b.add(map[string]any{"destination": target, "type": kind, "source": source, "options": options}, "mounts")
}

func (b *bundle) mountOptions(target string, options []string) {
	for _, m := range b.config["mounts"].([]any) {
		if m := m.(map[string]any); m["destination"] == target {
			list, _ := m["options"].([]any)
			for _, o := range options {
				list = append(list, o)
			}
			m["options"] = list
		}
	}
}

func (b *bundle) namespace(kind string) { b.add(map[string]any{"type": kind}, "linux", "namespaces") }

func (b *bundle) dropNamespace(kind string) {
	var rest []any
	for _, n := range b.at("linux")["namespaces"].([]any) {
		if n.(map[string]any)["type"] != kind {
			rest = append(rest, n)
		}
	}
	b.at("linux")["namespaces"] = rest
	if kind == "uts" {
		delete(b.config, "hostname")
	}
}

func (b *bundle) userNamespace(host int) {
	b.dropNamespace("user")
	b.namespace("user")
	if b.w.user != 0 {
		b.mapIDs()
		return
	}
	ids := []any{map[string]any{"containerID": 0, "hostID": host, "size": 65536}}
	b.at("linux")["uidMappings"], b.at("linux")["gidMappings"] = ids, ids
	b.sh(fmt.Sprintf("chown -R %d:%d .", host, host))
}

func (b *bundle) env(entries []string) {
	list, _ := b.at("process")["env"].([]any)
	for _, e := range entries {
		list = append(list, e)
	}
	b.at("process")["env"] = list
}

// hook adds a hook that writes down where it runs, and with what.
func (b *bundle) hook(kind string, fail bool) {
	file := b.w.dir + "/hooks"
	status := "0"
	if fail {
		status = "5"
	}
	script := fmt.Sprintf(`{ echo "hook %[1]s cwd $(pwd -P)"; env | sed 's/^/hook %[1]s env /'
grep -E '^(NoNewPrivs|Seccomp|CapEff|Uid)' /proc/self/status | sed 's/^/hook %[1]s /'
for n in ipc uts net pid mnt user; do
	echo "hook %[1]s ns $n $([ "$(readlink /proc/self/ns/$n)" = "$(eval echo \$HOSTNS_$n)" ] &&
		echo host || echo own)"
done
echo "hook %[1]s state $(cat | sed 's/.*"status": *"\([a-z]*\)".*/\1/')"
ls /proc/self/fd | tr '\n' ' ' | sed 's/^/hook %[1]s fds /'; echo; } >>%[2]s; exit %[3]s`, kind, file, status)
	if kind == "startContainer" {
		script = strings.ReplaceAll(script, file, "/tmp/hooks")
	}
	env := []string{"PATH=/bin:/usr/bin"}
	for _, n := range namespaceKinds {
		env = append(env, "HOSTNS_"+n+"="+hostNamespace(n))
	}
	b.add(map[string]any{"path": "/bin/sh", "args": []string{"sh", "-c", script}, "env": env}, "hooks", kind)
}

var namespaceKinds = []string{"ipc", "uts", "net", "cgroup", "pid", "user", "time", "mnt"}

func hostNamespace(kind string) string {
	link, _ := os.Readlink("/proc/self/ns/" + kind)
	return link
}
