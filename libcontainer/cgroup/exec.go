package cgroup

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// joiner opens the cgroup for a process that joins a running container.
type joiner struct{ *cgroupSet }

// Exec is the cgroup of a process that joins a running container.
type Exec struct {
	Dir  int    // descriptor of the v2 cgroup for CLONE_INTO_CGROUP, or -1
	Path string // of Dir
	// The files to write "0" to: of v1 hierarchies as Group.OpenJoins has them, but with either driver, and of a frozen
	// cgroup on v2.
	Joins []Join
}

// Explain adds problem and hint to err, the error of a clone into Dir.
func (e *Exec) Explain(err error) error {
	failed, ok := err.(*diag.Error) //nolint:errorlint // made by package nsenter
	if !ok || e.Dir < 0 {
		return err
	}
	switch failed.Errno {
	case unix.EBUSY, unix.EOPNOTSUPP:
		failed.Problem = "the cgroup " + e.Path + " can't take the process"
		failed.Hint = "it enables controllers for its children, and so can't hold processes itself: name one of " +
			"those with --cgroup"
	case unix.EACCES, unix.EPERM:
		failed.Problem = "the cgroup " + e.Path + " can't take the process"
		failed.Hint = "a user may move processes only within the cgroups delegated to it: start rt inside them, as " +
			"with systemd-run --user --scope"
	}
	return failed
}

// AsksSystemd reports whether systemd can move a process into the cgroup that rt itself may not move it into: a user in
// a login session has no rights over the cgroup that the session and the scope of the container have in common. On v1
// systemd delegates no hierarchy to users.
func (g joiner) AsksSystemd() bool { return g.unit != nil && g.mode == host.CgroupV2 }

// AttachBySystemd has systemd move a process of rt's user into the cgroup that e has opened.
func (g joiner) AttachBySystemd(e *Exec, pid int) error {
	dir := e.Path
	if e.Dir < 0 {
		dir = path.Dir(e.Joins[0].Path)
	}
	below, ok := sys.Below(dir, g.hierarchies[0].dir)
	if !ok { // the container's init has left it
		return attachError(dir, pid, unix.EACCES)
	}
	if hasSubtreeControl(dir) { // systemd's answer is no more than that it has failed
		return e.Explain(attachError(dir, pid, unix.EBUSY))
	}
	unit := systemdUnit{g.cgroupSet}
	m, err := unit.manager()
	if err != nil {
		return err
	}
	return unit.withTimeout("joined", func() error { return m.AddPid(below, pid) })
}

// Close closes what Group.OpenForExec has opened. On the zero value it does nothing.
func (e *Exec) Close() {
	if e.Dir > 0 {
		_ = unix.Close(e.Dir)
	}
	for _, j := range e.Joins {
		_ = unix.Close(j.FD)
	}
	*e = Exec{Dir: -1}
}

// Attach moves a process into the cgroup.
func (e *Exec) Attach(pid int) error {
	text := strconv.Itoa(pid)
	for _, j := range e.Joins {
		if _, err := unix.Write(j.FD, []byte(text)); err != nil {
			return attachError(path.Dir(j.Path), pid, err)
		}
	}
	if e.Dir < 0 {
		return nil
	}
	fd, err := unix.Openat(e.Dir, "cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, []byte(text))
		_ = unix.Close(fd)
	}
	if err != nil {
		return attachError(e.Path, pid, err)
	}
	return nil
}

// OpenForExec opens the cgroups that a process is to join: the container's, or descendants of them. wanted has the
// values of `exec --cgroup`, "[CONTROLLER[,CONTROLLER]:]PATH". initPid is the container's init: the process joins the
// cgroup of the init if the container's own can't take it or no longer exists.
//
// A process that is cloned into a frozen cgroup stops before it executes anything, and rt stops with it, in vfork(2),
// where only SIGKILL reaches it. So with frozen the process enters through Joins on v2 too, and rt waits for it as for
// any other report.
func (g joiner) OpenForExec(wanted []string, initPid int, frozen bool) (Exec, error) {
	e := Exec{Dir: -1}
	below, err := g.parsePaths(wanted)
	if err != nil {
		return e, err
	}
	for i := range g.hierarchies {
		if err := g.open(&e, &g.hierarchies[i], below, initPid, frozen); err != nil {
			e.Close()
			return e, err
		}
	}
	return e, nil
}

// open opens the cgroup in one hierarchy.
func (g joiner) open(e *Exec, h *hierarchy, below map[string]string, initPid int, frozen bool) error {
	sub, chosen := below[""]
	for _, c := range h.controllers() {
		if s, ok := below[c]; ok && c != "" {
			sub, chosen = s, true
		}
	}
	dir := path.Join(h.dir, sub)
	if h.v2 && !chosen && hasSubtreeControl(dir) {
		dir = g.cgroupOfProcess(h, initPid)
	}
	file, flags := "/tasks", unix.O_WRONLY
	switch {
	case h.v2 && frozen:
		file = "/cgroup.procs"
	case h.v2:
		file, flags = "", unix.O_PATH|unix.O_DIRECTORY
	}
	fd, err := openCgroup(dir+file, flags)
	if isMissing(err) && !chosen {
		dir = g.cgroupOfProcess(h, initPid)
		fd, err = openCgroup(dir+file, flags)
	}
	switch {
	case err != nil:
		return err
	case file == "":
		e.Dir, e.Path = fd, dir
	default:
		e.Joins = append(e.Joins, Join{Path: dir + file, FD: fd})
	}
	return nil
}

// hasSubtreeControl reports whether a cgroup has controllers enabled for its children, as in a container with an init
// system, and so takes no processes itself (cgroup-v2.rst, "No Internal Process Constraint").
func hasSubtreeControl(dir string) bool {
	text, err := readFile(dir, "cgroup.subtree_control")
	return err == nil && strings.TrimSpace(text) != ""
}

// cgroupOfProcess returns the directory of a process's present cgroup; the container's if it can't be read.
func (g joiner) cgroupOfProcess(h *hierarchy, pid int) string {
	text, err := readFile("/proc/"+strconv.Itoa(pid), "cgroup")
	if own, ok := ownPath(text, h.list); err == nil && ok {
		return h.base + own
	}
	return h.dir
}

// parsePaths parses the values of --cgroup: controller to path, with "" for all controllers.
func (g joiner) parsePaths(wanted []string) (map[string]string, error) {
	bad := func(value, problem string) error {
		return &diag.Error{Kind: diag.Usage, Field: "--cgroup", Value: value, Problem: problem}
	}
	below := make(map[string]string, len(wanted))
	for _, value := range wanted {
		list, sub, ok := strings.Cut(value, ":")
		if !ok {
			list, sub = "", value
		}
		switch {
		case len(g.hierarchies) == 0:
			return nil, bad(value, "the container has no cgroup of its own")
		case slices.Contains(strings.Split(sub, "/"), ".."):
			return nil, bad(value, "must stay below the container's cgroup")
		case list == "" && len(wanted) > 1:
			return nil, bad(value, "missing the controllers: of more than one each says which it is for, as in "+
				"cpu,cpuacct:PATH")
		case list != "" && g.mode == host.CgroupV2:
			return nil, bad(value, "names controllers, which are not apart on cgroup v2: give the path alone")
		}
		for c := range strings.SplitSeq(list, ",") {
			if c != "" && g.dir(c) == "" {
				return nil, bad(value, `the container is in no hierarchy of controller "`+c+`"`)
			}
			below[c] = sub
		}
	}
	return below, nil
}

// openCgroup opens a directory or a file of a cgroup.
func openCgroup(name string, flags int) (int, error) {
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the cgroup can't be joined: "+name, "open", err)
	}
	return fd, nil
}

// isMissing reports whether err says that a cgroup does not exist.
func isMissing(err error) bool {
	e, ok := err.(*diag.Error) //nolint:errorlint // made above
	return ok && (e.Errno == unix.ENOENT || e.Errno == unix.ENODEV)
}
