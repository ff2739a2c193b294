package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rt/tests/internal/rest"
)

// What a container leaves in the world, and what a world shows of a container from outside: facts, as the probe's.

// plain is a fact without what differs from one run to the next.
func (w *world) plain(fact string) string {
	fact = strings.NewReplacer(w.dir, "STAGE", w.base, "BASE", w.id, "ID").Replace(fact)
	fact = ringSuffix.ReplaceAllString(fact, "_ses.ID")
	return numbers.ReplaceAllStringFunc(fact, func(link string) string {
		if slices.Contains(w.namespaces, link) {
			return "the world's"
		}
		return "another"
	})
}

var (
	numbers    = regexp.MustCompile(`(cgroup|ipc|mnt|net|pid|time|user|uts):\[\d+\]`) // of namespaces
	ringSuffix = regexp.MustCompile(`_ses\.ID\.[0-9a-f]+`)                            // of the session keyring's name
)

// namespacesNow are the eight namespaces of this process.
func namespacesNow() (links []string) {
	for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} {
		link, _ := os.Readlink("/proc/self/ns/" + name)
		links = append(links, link)
	}
	return links
}

// mountTable returns the mounts, without the numbers that the kernel gives them.
func mountTable() map[string]bool {
	table := make(map[string]bool)
	text, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) > 6 {
			table[strings.Join(f[3:6], " ")] = true
		}
	}
	return table
}

// left adds what is left when the container is gone: mounts, processes, cgroups, files; and whether what nobody asked
// for has changed.
func (w *world) left() {
	w.reap()
	for m := range mountTable() {
		if !w.mounts[m] {
			w.add("left: mount " + m)
		}
	}
	for m := range w.mounts {
		if !mountTable()[m] {
			w.add("gone: mount " + m)
		}
	}
	for _, dir := range cgroupsOf(w.id) {
		w.add("left: cgroup " + dir)
	}
	name, _ := os.Hostname()
	w.add("host: hostname " + name)
	w.list("host: ", w.dir+"/victim", w.dir+"/source", w.dir+"/plain", w.dir+"/state", w.dir+"/out", "/dev")
	w.list("image: ", w.bundle)
	for _, file := range []string{
		w.dir + "/victim/file", w.dir + "/plain/file", w.dir + "/hooks",
		w.rootfs("hooks"),
	} {
		text, _ := os.ReadFile(file)
		w.addLines("file "+filepath.Base(file)+": ", string(text))
	}
	for _, name := range []string{
		"net/ipv4/ip_unprivileged_port_start", "net/ipv4/ping_group_range",
		"kernel/msgmax",
	} {
		text, _ := os.ReadFile("/proc/sys/" + name)
		w.add("host: sysctl " + name + " " + strings.TrimSpace(string(text)))
	}
}

// reap waits for the processes that have ended, and adds those that have not: none of them runs any more, or they do
// not come to rest.
func (w *world) reap() {
	rests := 0
	for end := time.Now().Add(patience); rests < 20 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for {
			var status syscall.WaitStatus
			if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
		left := w.processes()
		if len(left) == 0 {
			return
		}
		if rests++; !allRest(left) {
			rests = 0
		}
	}
	for _, comm := range w.processes() {
		w.add("left: process " + comm)
	}
}

func allRest(processes map[int]string) bool {
	for pid := range processes {
		if !rest.Is(pid) {
			return false
		}
	}
	return true
}

// processes returns the processes of the world, without its first one, and their names.
func (w *world) processes() map[int]string {
	processes := make(map[int]string)
	list, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, file := range list {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if pid == 1 {
			continue
		}
		if text, err := os.ReadFile(file); err == nil {
			processes[pid] = strings.TrimSpace(string(text))
		}
	}
	return processes
}

// list adds the files of directories, in the same file system.
func (w *world) list(prefix string, dirs ...string) {
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // what is not there is no fact
			}
			info, err := d.Info()
			if err != nil {
				return nil //nolint:nilerr // gone meanwhile
			}
			st := info.Sys().(*syscall.Stat_t)
			link, _ := os.Readlink(path)
			if strings.HasPrefix(path, "/dev/pts/") {
				return nil
			}
			w.add(fmt.Sprintf("%s%s %v %d:%d device %x %s", prefix, path, info.Mode(), st.Uid, st.Gid, st.Rdev, link))
			return nil
		})
	}
}

// cgroupsOf returns the cgroups with an id for a name.
func cgroupsOf(id string) (dirs []string) {
	for _, pattern := range []string{"/sys/fs/cgroup/" + id, "/sys/fs/cgroup/*/" + id, "/sys/fs/cgroup/*/*/*/" + id} {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	return dirs
}

// lookAt adds what a process shows from outside: a container that is created, and waits for its start.
func (w *world) lookAt(pid int) {
	dir := fmt.Sprintf("/proc/%d", pid)
	text, _ := os.ReadFile(dir + "/status")
	for line := range strings.Lines(string(text)) {
		for _, key := range []string{
			"Name:", "Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:", "Seccomp", "Umask:",
			"SigBlk:", "SigIgn:", "SigCgt:",
		} {
			if strings.HasPrefix(line, key) {
				w.add("created: " + strings.Join(strings.Fields(line), " "))
			}
		}
	}
	open, _ := os.ReadDir(dir + "/fd")
	for _, f := range open {
		link, _ := os.Readlink(dir + "/fd/" + f.Name())
		kind, _, _ := strings.Cut(link, ":[")
		w.add("created: open " + f.Name() + " " + kind)
	}
	for _, name := range []string{
		"cwd", "root", "ns/mnt", "ns/pid", "ns/net", "ns/ipc", "ns/uts", "ns/cgroup",
		"ns/user", "ns/time",
	} {
		link, err := os.Readlink(dir + "/" + name)
		w.add(fmt.Sprintf("created: %s %s %v", name, link, err != nil))
	}
}
