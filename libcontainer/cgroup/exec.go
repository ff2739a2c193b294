package cgroup

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// Exec is where a process goes that joins a running container.
type Exec struct {
	Dir   int    // the v2 cgroup to be cloned into (CLONE_INTO_CGROUP), or -1
	Path  string // of Dir
	Joins []Join // the files to write "0" to: of v1 hierarchies as Group.Joins has them, but with either driver, and of a frozen cgroup on v2
}

// Refused is the error of a process that could not be born in Dir because of err, what the kernel has said.
func (e *Exec) Refused(err error) error {
	failed, ok := err.(*diag.Error) //nolint:errorlint // made by package nsenter
	if !ok || e.Dir < 0 {
		return err
	}
	switch failed.Errno {
	case unix.EBUSY, unix.EOPNOTSUPP:
		failed.Problem = "the cgroup " + e.Path + " can't take the process"
		failed.Hint = "it gives controllers to the cgroups below it, and so can't hold processes itself: name one of those with --cgroup"
	case unix.EACCES, unix.EPERM:
		failed.Problem = "the cgroup " + e.Path + " can't take the process"
		failed.Hint = "a user may bring processes only into what was delegated to it, and from there: start rt inside it, as with systemd-run --user --scope"
	}
	return failed
}

// Close closes what Group.Exec has opened. The zero value holds nothing.
func (e *Exec) Close() {
	if e.Dir > 0 {
		_ = unix.Close(e.Dir)
	}
	for _, j := range e.Joins {
		_ = unix.Close(j.FD)
	}
	*e = Exec{Dir: -1}
}

// Attach moves a process there that was born elsewhere.
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

// Exec opens the cgroups that a process is to join: those of the container, or others below them. wanted has the values of `exec --cgroup`,
// "[CONTROLLER[,CONTROLLER]:]PATH". initPid is the container's first process: where that one has gone the process goes too, if the container's own
// cgroup can't take it or is there no longer.
//
// A process that is born in a frozen cgroup stands still before it has executed anything, and rt with it, in vfork(2), where only SIGKILL reaches it. With frozen
// the process therefore enters by Joins on v2 too: rt waits then as it waits for everything else.
func (g *Group) Exec(wanted []string, initPid int, frozen bool) (Exec, error) {
	e := Exec{Dir: -1}
	below, err := g.below(wanted)
	if err != nil {
		return e, err
	}
	for i := range g.places {
		if err := g.enter(&e, &g.places[i], below, initPid, frozen); err != nil {
			e.Close()
			return e, err
		}
	}
	return e, nil
}

// enter opens the cgroup in one hierarchy.
func (g *Group) enter(e *Exec, p *place, below map[string]string, initPid int, frozen bool) error {
	sub, chosen := below[""]
	for _, c := range p.controllers() {
		if s, ok := below[c]; ok && c != "" {
			sub, chosen = s, true
		}
	}
	dir := path.Join(p.dir, sub)
	if p.v2 && !chosen && givesControllers(dir) {
		dir = g.placeOfProcess(p, initPid)
	}
	file, flags := "/tasks", unix.O_WRONLY
	switch {
	case p.v2 && frozen:
		file = "/cgroup.procs"
	case p.v2:
		file, flags = "", unix.O_PATH|unix.O_DIRECTORY
	}
	fd, err := openPlace(dir+file, flags)
	if notThere(err) && !chosen {
		dir = g.placeOfProcess(p, initPid)
		fd, err = openPlace(dir+file, flags)
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

// givesControllers reports whether a cgroup has controllers enabled for those below it, as that of a container with an init system has, and so takes no
// processes itself (cgroup-v2.rst, "No Internal Process Constraint").
func givesControllers(dir string) bool {
	text, err := readFile(dir, "cgroup.subtree_control")
	return err == nil && strings.TrimSpace(text) != ""
}

// placeOfProcess is the directory of the cgroup that a process is in now; the container's if that can't be told.
func (g *Group) placeOfProcess(p *place, pid int) string {
	text, err := readFile("/proc/"+strconv.Itoa(pid), "cgroup")
	if own, ok := ownPath(text, p.list); err == nil && ok {
		return p.base + own
	}
	return p.dir
}

// below reads the values of --cgroup: controller to path, with "" for all controllers.
func (g *Group) below(wanted []string) (map[string]string, error) {
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
		case len(g.places) == 0:
			return nil, bad(value, "the container has no cgroup of its own")
		case slices.Contains(strings.Split(sub, "/"), ".."):
			return nil, bad(value, "must stay below the container's cgroup")
		case list == "" && len(wanted) > 1:
			return nil, bad(value, "missing the controllers: of more than one each says which it is for, as in cpu,cpuacct:PATH")
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

// openPlace opens a directory or a file of a cgroup.
func openPlace(name string, flags int) (int, error) {
	fd, err := unix.Open(name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the cgroup can't be entered: "+name, "open", err)
	}
	return fd, nil
}

// notThere reports whether a cgroup is not there.
func notThere(err error) bool {
	e, ok := err.(*diag.Error) //nolint:errorlint // made above
	return ok && (e.Errno == unix.ENOENT || e.Errno == unix.ENODEV)
}
