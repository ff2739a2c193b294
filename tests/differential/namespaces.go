package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// holder is a process in namespaces of its own, which containers join by path.
type holder struct {
	cmd   *exec.Cmd
	users bool // it has a user namespace, to which the others belong
}

// ids are the user namespaces that cases have: 65536 ids from 100000.
const firstID = 100000

// ordinaryUser is who runs the runtimes with -rootless.
const ordinaryUser = 1000

// hold starts the holders: one whose namespaces belong to the machine's user namespace, one with a user namespace.
func (w *world) hold() error {
	if w.user != 0 {
		return nil // what an ordinary user may join, he has made
	}
	for _, users := range []bool{false, true} {
		cmd := exec.Command(w.busybox, "sleep", "86400")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS |
				unix.CLONE_NEWCGROUP | unix.CLONE_NEWNS,
			Unshareflags: unix.CLONE_NEWTIME, Pdeathsig: syscall.SIGKILL,
		}
		if users {
			cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
			ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: firstID, Size: 65536}}
			cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids, ids
		}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("hold namespaces: %w", err)
		}
		w.holders = append(w.holders, &holder{cmd, users})
	}
	return nil
}

func (h *holder) end() {
	_ = h.cmd.Process.Kill()
	_ = h.cmd.Wait()
}

// path is where a namespace of the holder is found, by its name in /proc/PID/ns.
func (h *holder) path(link string) string {
	if link == "time" {
		link = "time_for_children"
	}
	return fmt.Sprintf("/proc/%d/ns/%s", h.cmd.Process.Pid, link)
}

// kinds has the type that the config has for each kind of namespace, by its name in /proc/PID/ns.
var kinds = map[string]string{
	"ipc":    "ipc",
	"uts":    "uts",
	"net":    "network",
	"cgroup": "cgroup",
	"pid":    "pid",
	"user":   "user",
	"time":   "time",
	"mnt":    "mount",
}

// newNamespaces chooses for each kind of namespace that the container has none of its own, a new one, or one that is
// joined, and what it does for the file systems that belong to namespaces: new ones, those of the host, or none.
func newNamespaces(r *rand.Rand) gene {
	choice, name := make(map[string]string), ""
	users := r.IntN(2) == 1 // whose namespaces are joined
	for _, link := range namespaceKinds {
		choice[link] = pick(r, "absent", "new", "joined")
		if link == "mnt" && r.IntN(8) > 0 {
			choice[link] = "new"
		}
		name += " " + link + ":" + choice[link]
	}
	files := pick(r, "new", "bound", "none")
	offsets := r.IntN(2) == 0
	name += fmt.Sprintf(" users:%v files:%s offsets:%v", users, files, offsets)
	return gene{"namespaces" + name, func(b *bundle) { b.namespaces(choice, users, files, offsets) }}
}

func (b *bundle) namespaces(choice map[string]string, users bool, files string, offsets bool) {
	var list []any
	for _, link := range namespaceKinds {
		n := map[string]any{"type": kinds[link]}
		switch choice[link] {
		case "absent":
			continue
		case "joined":
			for _, h := range b.w.holders {
				if h.users == users {
					n["path"] = h.path(link)
				}
			}
		}
		list = append(list, n)
	}
	b.at("linux")["namespaces"] = list
	if choice["uts"] == "absent" {
		delete(b.config, "hostname")
	}
	if choice["user"] == "new" {
		b.mapIDs()
	}
	if choice["user"] != "absent" && b.w.user == 0 {
		b.sh(fmt.Sprintf("chown -R %d:%d .", firstID, firstID))
	}
	if choice["time"] == "new" && offsets {
		b.at("linux")["timeOffsets"] = map[string]any{
			"monotonic": map[string]any{"secs": 5000},
			"boottime":  map[string]any{"secs": 1000000},
		}
	}
	if files != "new" {
		b.kernelFiles(files == "bound")
	}
}

// mapIDs maps the ids of a new user namespace.
func (b *bundle) mapIDs() {
	ids := []any{map[string]any{"containerID": 0, "hostID": firstID, "size": 65536}}
	if b.w.user != 0 {
		ids = []any{map[string]any{"containerID": 0, "hostID": b.w.user, "size": 1}}
	}
	b.at("linux")["uidMappings"], b.at("linux")["gidMappings"] = ids, ids
}

// kernelFiles takes the mounts of file systems out that belong to namespaces, or uses the host's instead.
func (b *bundle) kernelFiles(bound bool) {
	var rest []any
	for _, m := range b.config["mounts"].([]any) {
		m := m.(map[string]any)
		switch m["type"] {
		case "proc", "sysfs", "mqueue":
			target := m["destination"].(string)
			if !bound || target == "/dev/mqueue" {
				continue
			}
			m = map[string]any{
				"destination": target,
				"type":        "bind",
				"source":      target,
				"options":     []string{"rbind", "nosuid", "nodev", "noexec"},
			}
		case "cgroup":
			continue
		}
		rest = append(rest, m)
	}
	b.config["mounts"] = rest
	if !bound {
		delete(b.at("linux"), "maskedPaths")
		delete(b.at("linux"), "readonlyPaths")
	}
}

// namespaceNames tells the probe the names of the namespaces of the machine and of the holders: HOSTNS_net, HELDNS_net.
func (b *bundle) namespaceNames() {
	var env []string
	for _, link := range namespaceKinds {
		env = append(env, "HOSTNS_"+link+"="+hostNamespace(link))
		var held []string
		for _, h := range b.w.holders {
			name, _ := os.Readlink(h.path(link))
			held = append(held, name)
		}
		env = append(env, "HELDNS_"+link+"="+strings.Join(held, ","))
	}
	b.env(env)
}
