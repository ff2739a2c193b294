package rdt

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Create creates the missing directories, and writes the schemata. On an error it undoes its changes.
func (g *Group) Create() error {
	if g.fresh {
		if err := unix.Mkdir(g.class, 0o755); err != nil {
			g.Created = Created{} // EEXIST: another process has created it meanwhile, so rt does not remove it
			return failure(origin+".closID", "the class "+g.class+" can't be made"+g.status(), err)
		}
	}
	for _, l := range g.lines() {
		if err := write(g.class+"/schemata", l.text+"\n"); err != nil {
			e := failure(l.field, "the class "+g.class+" refuses it"+g.status(), err)
			e.Value = l.text
			g.undo(false)
			return e
		}
	}
	if g.monitor != "" {
		if err := unix.Mkdir(g.monitor, 0o755); err != nil {
			e := failure(origin+".enableMonitoring", "the monitoring group "+g.monitor+" can't be made"+g.status(), err)
			g.undo(false)
			return e
		}
	}
	return nil
}

// undo removes the directories that Create has created, even a class that the config names: no other process uses it
// yet.
func (g *Group) undo(monitored bool) {
	if monitored {
		_ = unix.Rmdir(g.monitor)
	}
	if g.fresh {
		_ = unix.Rmdir(g.class)
	}
	g.Created = Created{}
}

// Undo removes the directories that a successful Create has created.
func (g *Group) Undo() { g.undo(g.monitor != "") }

// Join moves a process into the class and the monitoring group, in this order: a monitoring group takes only tasks of
// its class. Without a class it does nothing.
func (g *Group) Join(pid int) error {
	if g == nil {
		return nil
	}
	for _, dir := range [...]string{g.class, g.monitor} {
		if dir == "" {
			continue
		}
		if err := write(dir+"/tasks", strconv.Itoa(pid)+"\n"); err != nil {
			return failure(origin, "the process can't be moved into "+dir+g.status(), err)
		}
	}
	return nil
}

// Remove removes the directories that were created for a container. It may be repeated.
func Remove(created Created) error {
	for _, dir := range [...]string{created.Monitor, created.Class} {
		if dir == "" {
			continue
		}
		// rmdir(2) removes the kernel's files too, and moves tasks to the parent group.
		if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
			return failure(origin, dir+" can't be removed", err)
		}
	}
	return nil
}

// status returns the kernel's reason for the last refused request: resctrl.rst, "info/last_cmd_status".
func (g *Group) status() string {
	text, err := read(g.root + "/info/last_cmd_status")
	if text = strings.TrimSpace(text); err != nil || text == "" || text == "ok" {
		return ""
	}
	return " (" + text + ")"
}

// exists reports whether path is a directory. Another file is an error.
func exists(path string) (bool, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		err = unix.ENOTDIR
	}
	if err == unix.ENOENT {
		return false, nil
	}
	return err == nil, err
}

// write writes text with one write(2). O_CREAT is for tests: resctrl makes its files with the directory.
func write(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	_, err = unix.Write(fd, []byte(text))
	if e := unix.Close(fd); err == nil {
		err = e
	}
	return err
}

// read reads a file of at most a page: resctrl has no larger ones that rt needs.
func read(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(fd) }()
	text := make([]byte, 4096)
	n, err := unix.Read(fd, text)
	if err != nil {
		return "", err
	}
	return string(text[:n]), nil
}

// failure returns the error about a failed access to resctrl.
func failure(field, problem string, err error) *diag.Error {
	e := diag.Sys(problem, "resctrl", err)
	e.Field = field
	return e
}
