package rdt

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Make makes what Find has found missing, and writes the schemata. After an error nothing of it is left.
func (g *Group) Make() error {
	if g.fresh {
		if err := unix.Mkdir(g.class, 0o755); err != nil {
			g.Made = Made{} // EEXIST: another has made it meanwhile, so it is not ours to remove
			return failure(origin+".closID", "make the class "+g.class+g.status(), err)
		}
	}
	for _, l := range g.lines() {
		if err := write(g.class+"/schemata", l.text+"\n"); err != nil {
			e := failure(l.field, "the class "+g.class+" does not take it"+g.status(), err)
			e.Value = l.text
			g.back(false)
			return e
		}
	}
	if g.monitor != "" {
		if err := unix.Mkdir(g.monitor, 0o755); err != nil {
			e := failure(origin+".enableMonitoring", "make the monitoring group "+g.monitor+g.status(), err)
			g.back(false)
			return e
		}
	}
	return nil
}

// back takes back what Make has made, a class with a name of its own too: nobody else can have counted on it yet.
func (g *Group) back(monitored bool) {
	if monitored {
		_ = unix.Rmdir(g.monitor)
	}
	if g.fresh {
		_ = unix.Rmdir(g.class)
	}
	g.Made = Made{}
}

// Undo takes back all of a Make that succeeded.
func (g *Group) Undo() { g.back(g.monitor != "") }

// Join puts a process into the class and the monitoring group, in this order: the kernel takes only members of a class into its groups.
func (g *Group) Join(pid int) error {
	for _, dir := range [...]string{g.class, g.monitor} {
		if dir == "" {
			continue
		}
		if err := write(dir+"/tasks", strconv.Itoa(pid)+"\n"); err != nil {
			return failure(origin, "put the process into "+dir+g.status(), err)
		}
	}
	return nil
}

// Remove removes what goes with the container. It may be repeated, and on nothing.
func Remove(made Made) error {
	for _, dir := range [...]string{made.Monitor, made.Class} {
		if dir == "" {
			continue
		}
		// The kernel's own files go with the directory, and members go to the group above.
		if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
			return failure(origin, "remove "+dir, err)
		}
	}
	return nil
}

// status is what the kernel says of the last request that it refused: resctrl.rst, "info/last_cmd_status".
func (g *Group) status() string {
	text, err := read(g.root + "/info/last_cmd_status")
	if text = strings.TrimSpace(text); err != nil || text == "" || text == "ok" {
		return ""
	}
	return " (" + text + ")"
}

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

// write hands text to the kernel in one call. A file that is not there is made, which resctrl never needs: it makes its files with the directory.
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

// read reads a file of at most a page: resctrl has no larger ones that matter here.
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

func failure(field, problem string, err error) *diag.Error {
	e := diag.Sys(problem, "resctrl", err)
	e.Field = field
	return e
}
