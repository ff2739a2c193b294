package cgroup

import (
	"path"
	"strings"

	"rt/internal/diag"

	"golang.org/x/sys/unix"
)

// controllerSetup makes the controllers that the limits need work in a new cgroup.
type controllerSetup struct{ *cgroupSet }

// findV2 finds the one directory of v2. A relative path starts at the parent of rt's own cgroup: that one usually holds
// processes, rt among them, and a cgroup that does can't give controllers to its children (cgroup-v2.rst, "No Internal
// Process Constraint").
func (g finder) findV2(in string) error {
	h := hierarchy{v2: true, base: root}
	if in[0] == '/' {
		h.dir = root + in
	} else {
		// os.ReadFile would initialize Go's poller: six more system calls.
		text, err := readFile("/proc/self", "cgroup")
		if err != nil {
			return diag.Sys("rt's own cgroup, where a relative path starts, can't be read: /proc/self/cgroup", "open",
				err)
		}
		own, _ := ownPath(text, "")
		h.dir = path.Join(root, path.Dir(own), in)
	}
	g.hierarchies = []hierarchy{h}
	return nil
}

// enable enables the controllers that the limits need in every ancestor of h where they are missing.
//
// It reads before it writes: a write to cgroup.subtree_control waits for all forks of the machine
// (cgroup_threadgroup_rwsem), which takes milliseconds, even if it changes nothing. If an engine has made the parent,
// which is nearly always so, one file is read.
func (g controllerSetup) enable(h *hierarchy) error {
	var wanted []string
	for _, n := range g.limits.needs {
		// cpu.stat and pressure files exist without the controller; a unified entry of the core needs none.
		if n.controller != "cgroup" {
			wanted = append(wanted, n.controller)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	missing, err := missingControllers(h.dir, "cgroup.controllers", wanted)
	if err != nil || len(missing) == 0 {
		return err
	}
	for at := len(root); at < len(h.dir); {
		level, enabled := h.dir[:at], missing[:0]
		for _, c := range missing {
			if err := g.enableAt(level, []string{c}); err == nil {
				enabled = append(enabled, c)
			} else if !g.limits.dropLifts(c) {
				return err
			}
		}
		missing = enabled
		next := strings.IndexByte(h.dir[at+1:], '/')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return nil
}

// enableAt enables controllers for the children of the cgroup dir.
func (g controllerSetup) enableAt(dir string, controllers []string) error {
	missing, err := missingControllers(dir, "cgroup.subtree_control", controllers)
	if err != nil {
		return err
	}
	for _, c := range missing {
		if err := writeFile(dir, "cgroup.subtree_control", "+"+c); err != nil {
			return g.enableError(dir, c, err)
		}
	}
	return nil
}

// enableError returns the reason why the controller can't be enabled for the children of dir.
func (g controllerSetup) enableError(dir, controller string, err error) error {
	e := diag.Sys(`controller "`+controller+`" can't be enabled in `+dir+"/cgroup.subtree_control", "write", err)
	for _, n := range g.limits.needs {
		if n.controller == controller && !n.lifts {
			e.Field = n.field
			break
		}
	}
	switch e.Errno {
	case unix.ENOENT, unix.EINVAL:
		e.Hint = "this kernel or the parent cgroup does not have it: see " + dir + "/cgroup.controllers"
	case unix.EBUSY, unix.EOPNOTSUPP:
		e.Hint = dir + " holds processes itself, so it can't enable controllers for its children: choose another " +
			"linux.cgroupsPath"
	case unix.EACCES, unix.EPERM, unix.EROFS:
		e.Hint = dir + " is not delegated to this user: let systemd do it, with --systemd-cgroup or systemd-run " +
			"--user --scope -p Delegate=yes"
	}
	return e
}

// missingControllers returns the controllers that the list in dir/file lacks.
func missingControllers(dir, file string, controllers []string) ([]string, error) {
	text, err := readFile(dir, file)
	if err != nil {
		return nil, diag.Sys("the controllers in "+dir+"/"+file+" can't be read", "read", err)
	}
	var missing []string
next:
	for _, c := range controllers {
		for have := range strings.FieldsSeq(text) {
			if have == c {
				continue next
			}
		}
		missing = append(missing, c)
	}
	return missing, nil
}

// OpenDir opens the cgroup for CLONE_INTO_CGROUP (clone3(2), Linux 5.7), which saves the milliseconds that moving a
// process takes. The Group closes the descriptor. -1 means that it is not possible: on v1, or if systemd makes the
// cgroup. In hybrid mode it is the directory of the cgroup2 mount; the other hierarchies still need Attach.
func (g *lifecycle) OpenDir() (int, error) {
	if g.fd >= 0 || g.driver == Systemd {
		return g.fd, nil
	}
	for i := range g.hierarchies {
		if !g.hierarchies[i].v2 {
			continue
		}
		fd, err := unix.Open(g.hierarchies[i].dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, diag.Sys("the cgroup "+g.hierarchies[i].dir+" can't be opened", "open", err)
		}
		g.fd = fd
	}
	return g.fd, nil
}

// Close closes the descriptors that Create, OpenDir, OpenJoins and LeaveToOthers have opened, and ends the lock.
func (g *lifecycle) Close() {
	g.closeFiles()
	g.unlock()
}

// closeFiles closes them, except for the lock.
func (g *lifecycle) closeFiles() {
	for _, j := range g.joins {
		_ = unix.Close(j.FD)
	}
	g.joins = nil
	if g.fd >= 0 {
		_ = unix.Close(g.fd)
		g.fd = -1
	}
}
