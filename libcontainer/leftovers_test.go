package libcontainer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// world is what a container that is gone must not have changed: the mounts and the descriptors of this process.
type world struct {
	mounts string
	fds    []string // what each descriptor is
}

func look(t *testing.T) world {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	names, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	w := world{mounts: string(mounts)}
	for _, n := range names {
		// Package cgroups opens the top of cgroup v2 when it first needs it, and keeps it.
		if target, err := os.Readlink("/proc/self/fd/" + n.Name()); err == nil && target != "/sys/fs/cgroup" {
			w.fds = append(w.fds, n.Name()+" "+target)
		}
	}
	return w
}

// requireNothingLeft checks that the world is as it was before, and that there is no process, cgroup or state of
// container id.
func requireNothingLeft(t *testing.T, before world, root, id string) {
	t.Helper()
	if left := leftovers(root, id); len(left) > 0 {
		t.Fatalf("left behind: %s", strings.Join(left, "; "))
	}
	after := look(t)
	// os/exec closes its own descriptor of a child that was killed and waited for at once only when both have returned.
	for end := time.Now().Add(time.Minute); len(after.fds) > len(before.fds) &&
		time.Now().Before(end); after = look(t) {
		time.Sleep(time.Millisecond)
	}
	if after.mounts != before.mounts {
		t.Fatalf("mounts before\n%s\nand after\n%s", before.mounts, after.mounts)
	}
	if len(after.fds) > len(before.fds) {
		t.Fatalf("descriptors before: %q, and after: %q", before.fds, after.fds)
	}
}

// leftovers names the processes, cgroups and state that container id has left.
func leftovers(root, id string) (left []string) {
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); err != unix.ECHILD {
		left = append(left, "a process: wait4(2) says "+strconv.Itoa(pid)+", and there are "+strings.Join(childPids(),
			" "))
	}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() && strings.Contains(d.Name(), id) {
			left = append(left, "the cgroup "+path)
		}
		return nil // what can't be read is another container's that just goes
	})
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		left = append(left, err.Error())
	}
	for _, e := range entries {
		left = append(left, "the state "+e.Name())
	}
	return left
}

// childPids returns the children of this process.
func childPids() (pids []string) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

// killChildren ends all children of this process: for a test that hangs.
func killChildren() {
	for _, text := range childPids() {
		if pid, err := strconv.Atoi(text); err == nil {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}

// reapAll waits for the children of this process that have ended: the processes of containers that Create made here,
// and what they left.
func reapAll() {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); pid <= 0 && err != unix.EINTR {
			return
		}
	}
}
