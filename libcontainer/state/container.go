package state

import (
	"errors"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// The files of a container's directory.
const (
	configFile  = "config.json"
	stateFile   = "state.json"
	stepsFile   = "steps"
	StartSocket = "start.sock" // made by the supervisor
	NotifyDir   = "notify"     // mounted in the container; the supervisor makes a socket in it
)

// Container is the directory of one container, open and perhaps locked.
type Container struct {
	ID     string
	root   *Root
	fd     int
	locked bool
	maker  bool // this process is the one that creates the container
}

// Create makes the directory of a new container and returns it locked. The container shows in List from then on, and if this process is killed it is
// Stopped and can be removed.
func (r *Root) Create(id string) (*Container, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	for {
		if err := unix.Mkdirat(r.fd, id, 0o700); err == unix.EEXIST {
			return nil, inUse(id)
		} else if err != nil {
			return nil, diag.Sys("make the state directory of the container in "+r.path, "mkdirat", err)
		}
		// Until the lock is there a delete --force may take the directory away again; then it is made anew.
		c, err := r.open(id)
		if err == nil && c != nil {
			err = c.Lock()
		}
		if err == nil && c != nil && c.here() {
			c.maker = true
			return c, nil
		}
		c.Close()
		if err != nil {
			return nil, err
		}
	}
}

// Open opens the directory of a container, with lock for a command that changes it.
func (r *Root) Open(id string, lock bool) (*Container, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	for {
		c, err := r.open(id)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, noSuch(id)
		}
		if !lock {
			return c, nil
		}
		if err := c.Lock(); err != nil {
			c.Close()
			return nil, err
		}
		if c.here() {
			return c, nil
		}
		c.Close() // deleted while this process waited, and perhaps made anew
	}
}

// open returns nil if there is no such directory.
func (r *Root) open(id string) (*Container, error) {
	if r.fd < 0 {
		return nil, nil
	}
	fd, err := openDir(r.fd, id)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Sys("open the state directory of container "+id, "openat", err)
	}
	if err := checkTrust(fd, r.path+"/"+id, distrustContainer); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &Container{ID: id, root: r, fd: fd}, nil
}

// here reports whether the directory is still the one that has the container's name.
func (c *Container) here() bool {
	var a, b unix.Stat_t
	return unix.Fstat(c.fd, &a) == nil && unix.Fstatat(c.root.fd, c.ID, &b, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		a.Dev == b.Dev && a.Ino == b.Ino
}

// Path is the absolute path of a file of the container, "" of the directory itself.
func (c *Container) Path(name string) string {
	if name == "" {
		return c.root.path + "/" + c.ID
	}
	return c.root.path + "/" + c.ID + "/" + name
}

// SocketPath is a name of a socket in the directory that is short enough for bind(2) and connect(2) in this process: an engine's root and a
// long id don't fit into the 108 bytes of sockaddr_un (unix(7)).
func (c *Container) SocketPath(name string) string {
	return "/proc/self/fd/" + strconv.Itoa(c.fd) + "/" + name
}

// Dir is a descriptor of the directory, close-on-exec, Container's to close.
func (c *Container) Dir() int { return c.fd }

// Close gives the directory and its lock back. It may be called twice, and on nil.
func (c *Container) Close() {
	if c != nil && c.fd >= 0 {
		_ = unix.Close(c.fd)
		c.fd, c.locked = -1, false
	}
}

// State reads state.json. A container without one was left behind, or is being made, by a create that did not come that far: its state has nothing but
// what the directory tells, and phase Creating.
func (c *Container) State() (*State, error) {
	doc, err := c.read(stateFile)
	if errors.Is(err, unix.ENOENT) && !c.here() {
		return nil, noSuch(c.ID) // deleted since it was opened
	}
	if errors.Is(err, unix.ENOENT) {
		return c.unborn()
	}
	if err != nil {
		return nil, diag.Sys("read "+c.Path(stateFile), "openat", err)
	}
	return parse(doc)
}

// unborn is the state of a container without state.json.
func (c *Container) unborn() (*State, error) {
	var st unix.Stat_t
	if err := unix.Fstat(c.fd, &st); err != nil {
		return nil, diag.Sys("look at "+c.Path(""), "fstat", err)
	}
	return &State{ID: c.ID, Phase: Creating, Owner: st.Uid, Created: time.Unix(st.Mtim.Unix())}, nil
}

// Save writes state.json. The container must be locked.
func (c *Container) Save(s *State) error {
	for _, path := range []string{s.Bundle, s.Rootfs} {
		if !utf8.ValidString(path) {
			return &diag.Error{Kind: diag.Document, Value: path, Problem: "the path " + strconv.Quote(path) + " is not UTF-8, so no JSON can hold it"}
		}
	}
	return c.write(stateFile, s.Append(make([]byte, 0, 1024)))
}

// Config reads the document that the container was made from.
func (c *Container) Config() ([]byte, error) {
	doc, err := c.read(configFile)
	if err != nil {
		return nil, diag.Sys("read "+c.Path(configFile), "openat", err)
	}
	return []byte(doc), nil
}

// SaveConfig keeps a copy of the document, for exec and for hooks after the bundle has changed. The container must be locked.
func (c *Container) SaveConfig(raw []byte) error { return c.write(configFile, raw) }

// SaveSteps keeps what names the steps that are carried out only at the start; see package libcontainer. The container must be locked.
func (c *Container) SaveSteps(text []byte) error { return c.write(stepsFile, text) }

// Steps reads what SaveSteps wrote.
func (c *Container) Steps() ([]byte, error) {
	text, err := c.read(stepsFile)
	if err != nil {
		return nil, diag.Sys("read "+c.Path(stepsFile), "openat", err)
	}
	return []byte(text), nil
}

// MakeNotify makes the directory for the socket of sd_notify(3). The container's user has to get into it, whoever that is; other users of the host are kept
// out by the directories above.
func (c *Container) MakeNotify() error {
	c.mustBeLocked("MakeNotify")
	err := unix.Mkdirat(c.fd, NotifyDir, 0o755)
	if err == nil {
		err = unix.Fchmodat(c.fd, NotifyDir, 0o755, 0) // whatever the umask is
	}
	if err != nil {
		return diag.Sys("make "+c.Path(NotifyDir), "mkdirat", err)
	}
	return nil
}

// HasNotify reports whether MakeNotify was called for the container.
func (c *Container) HasNotify() bool { return c.has(NotifyDir) }

// Started takes away what only a container that waits for its start has: from now on none is taken for it. The container must be locked.
func (c *Container) Started() error {
	c.mustBeLocked("Started")
	for _, name := range []string{StartSocket, stepsFile} {
		if err := unix.Unlinkat(c.fd, name, 0); err != nil && err != unix.ENOENT {
			return diag.Sys("remove "+c.Path(name), "unlinkat", err)
		}
	}
	return nil
}

// Gone reports whether the container was deleted since it was opened.
func (c *Container) Gone() bool { return !c.here() }

// Remove removes the directory. The container must be locked; it is closed afterwards. A Remove that was interrupted can be repeated.
func (c *Container) Remove() error {
	c.mustBeLocked("Remove")
	defer c.Close()
	// Nearly always these three are all there is. state.json goes last: as long as it is there the container is known in full.
	for _, name := range []string{StartSocket, configFile, stateFile} {
		if err := unix.Unlinkat(c.fd, name, 0); err != nil && err != unix.ENOENT {
			return diag.Sys("remove "+c.Path(name), "unlinkat", err)
		}
	}
	err := unix.Unlinkat(c.root.fd, c.ID, unix.AT_REMOVEDIR)
	if err == unix.ENOTEMPTY {
		if err := c.removeRest(); err != nil {
			return err
		}
		err = unix.Unlinkat(c.root.fd, c.ID, unix.AT_REMOVEDIR)
	}
	if err != nil {
		return diag.Sys("remove "+c.Path(""), "unlinkat", err)
	}
	return nil
}

// removeRest removes what else is in the directory: a write that was interrupted, or what another version of rt keeps there.
func (c *Container) removeRest() error {
	entries, err := os.ReadDir(c.Path(""))
	if err != nil {
		return &diag.Error{Kind: diag.Host, Problem: "read the state directory of the container", Err: err}
	}
	for _, e := range entries {
		if err := os.RemoveAll(c.Path(e.Name())); err != nil {
			return &diag.Error{Kind: diag.Host, Problem: "remove the state of the container", Err: err}
		}
	}
	return nil
}

// has reports whether the directory has a file of that name.
func (c *Container) has(name string) bool {
	return unix.Faccessat(c.fd, name, unix.F_OK, 0) == nil
}

// mustBeLocked guards the invariant that two processes never change the same container.
func (c *Container) mustBeLocked(what string) {
	if !c.locked {
		panic("state: " + what + " of a container that is not locked")
	}
}
