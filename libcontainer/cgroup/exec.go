package cgroup

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"rt/libcontainer/diag"
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// Exec is where a process goes that joins a running container.
type Exec struct {
	Dir   int    // the v2 cgroup to be cloned into (CLONE_INTO_CGROUP), or -1
	Joins []Join // the files of v1 hierarchies to be written to, as Group.Joins has them, but with either driver
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

// Exec opens the cgroups that a process is to join: those of the container, or others below them. wanted has the values of `exec --cgroup`,
// "[CONTROLLER[,CONTROLLER]:]PATH". initPid is the container's first process: where that one has gone the process goes too, if the container's own
// cgroup can't take it or is there no longer.
func (g *Group) Exec(wanted []string, initPid int) (Exec, error) {
	e := Exec{Dir: -1}
	below, err := g.below(wanted)
	if err != nil || len(g.places) == 0 {
		return e, err
	}
	if g.mode == host.CgroupV2 {
		e.Dir, err = g.ExecDir(below[""], initPid)
		if notThere(err) && len(wanted) == 0 {
			e.Dir, err = openPlace(g.placeOfProcess(&g.places[0], initPid), unix.O_PATH|unix.O_DIRECTORY)
		}
		return e, err
	}
	for i := range g.places {
		if err := g.execV1(&e, &g.places[i], below, initPid); err != nil {
			e.Close()
			return e, err
		}
	}
	return e, nil
}

// execV1 opens the cgroup in one hierarchy of a machine with v1 hierarchies.
func (g *Group) execV1(e *Exec, p *place, below map[string]string, initPid int) error {
	sub, chosen := below[""]
	for _, c := range p.controllers() {
		if s, ok := below[c]; ok && c != "" {
			sub, chosen = s, true
		}
	}
	file, flags := "/tasks", unix.O_WRONLY
	if p.v2 {
		file, flags = "", unix.O_PATH|unix.O_DIRECTORY
	}
	name := path.Join(p.dir, sub) + file
	fd, err := openPlace(name, flags)
	if notThere(err) && !chosen {
		name = g.placeOfProcess(p, initPid) + file
		fd, err = openPlace(name, flags)
	}
	switch {
	case err != nil:
		return err
	case p.v2:
		e.Dir = fd
	default:
		e.Joins = append(e.Joins, Join{Path: name, FD: fd})
	}
	return nil
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
