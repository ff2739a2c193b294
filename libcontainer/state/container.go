package state

import (
	"errors"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// The files of a container's directory.
const (
	configFile  = "config.json"
	stateFile   = "state.json"
	stepsFile   = "steps"
	crunFile    = "status"     // what crun has for a state.json
	StartSocket = "start.sock" // made by the supervisor
	NotifyDir   = "notify"     // mounted in the container; the supervisor makes a socket in it
)

// Container is the open state directory of one container, locked or not.
type Container struct {
	ID      string
	root    *Root
	fd      int
	locked  bool
	creator bool // this process creates the container
}

// Create makes the directory of a new container and returns it locked. List shows the container from then on. If this
// process is killed, the container is Stopped and can be removed.
func (r *Root) Create(id string) (*Container, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	for {
		if err := unix.Mkdirat(r.fd, id, 0o700); err == unix.EEXIST {
			return nil, inUse(id)
		} else if err != nil {
			return nil, diag.Sys("the state directory of the container can't be made in "+r.path, "mkdirat", err)
		}
		// Until it is locked a delete --force may remove the directory; then it is made again.
		c, err := r.open(id)
		if err == nil && c != nil {
			err = c.Lock()
		}
		if err == nil && c != nil && c.exists() {
			c.creator = true
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
		if c.exists() {
			return c, nil
		}
		c.Close() // deleted while this process waited, and perhaps created again
	}
}

// open opens the directory of a container. It returns nil if there is none.
func (r *Root) open(id string) (*Container, error) {
	if r.fd < 0 {
		return nil, nil
	}
	fd, err := openDir(r.fd, id)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, diag.Sys("the state directory of container "+id+" can't be opened", "openat", err)
	}
	if err := r.checkTrust(fd, id); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &Container{ID: id, root: r, fd: fd}, nil
}

// exists reports whether the open directory is still the one with the container's name.
func (c *Container) exists() bool {
	var a, b unix.Stat_t
	return unix.Fstat(c.fd, &a) == nil && unix.Fstatat(c.root.fd, c.ID, &b, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		sys.IsSameFile(&a, &b)
}

// Path returns the absolute path of a file of the container; name "" is the directory itself.
func (c *Container) Path(name string) string {
	if name == "" {
		return c.root.path + "/" + c.ID
	}
	return c.root.path + "/" + c.ID + "/" + name
}

// SocketPath returns a path of a socket in the directory that is short enough for bind(2) and connect(2) in this
// process: an engine's root with a long ID does not fit into the 108 bytes of sockaddr_un (unix(7)).
func (c *Container) SocketPath(name string) string {
	return "/proc/self/fd/" + strconv.Itoa(c.fd) + "/" + name
}

// Dir returns the descriptor of the directory. It is close-on-exec, and Close closes it.
func (c *Container) Dir() int { return c.fd }

// Close closes the directory, which releases its lock. It may be called twice, and on nil.
func (c *Container) Close() {
	if c != nil && c.fd >= 0 {
		_ = unix.Close(c.fd)
		c.fd, c.locked = -1, false
	}
}

// State reads state.json. A container without one is being created, or its create was interrupted: its State has only
// the ID, owner and time of the directory, and phase Creating.
func (c *Container) State() (*State, error) {
	doc, err := c.read(stateFile)
	if errors.Is(err, unix.ENOENT) && !c.exists() {
		return nil, noSuch(c.ID) // deleted since it was opened
	}
	if errors.Is(err, unix.ENOENT) && c.has(crunFile) {
		return nil, foreign("there is no state.json, but crun's file " + crunFile)
	}
	if errors.Is(err, unix.ENOENT) {
		return c.stateOfDirectory()
	}
	if err != nil {
		return nil, diag.Sys(c.Path(stateFile)+" can't be read", "openat", err)
	}
	return parse(sys.Text(doc))
}

// stateOfDirectory returns the State of a container without state.json.
func (c *Container) stateOfDirectory() (*State, error) {
	var st unix.Stat_t
	if err := unix.Fstat(c.fd, &st); err != nil {
		return nil, diag.Sys(c.Path("")+" can't be examined", "fstat", err)
	}
	return &State{ID: c.ID, Phase: Creating, Owner: st.Uid, Created: time.Unix(st.Mtim.Unix())}, nil
}

// Save writes state.json. The container must be locked.
func (c *Container) Save(s *State) error {
	for _, path := range []string{s.Bundle, s.Rootfs} {
		if !utf8.ValidString(path) {
			return &diag.Error{
				Kind:    diag.Document,
				Value:   path,
				Problem: "the path " + strconv.Quote(path) + " is not UTF-8, so no JSON can hold it",
			}
		}
	}
	return c.write(stateFile, s.Append(make([]byte, 0, 1024)))
}

// Config reads the config.json that the container was created from.
func (c *Container) Config() ([]byte, error) {
	doc, err := c.read(configFile)
	if err != nil {
		return nil, diag.Sys(c.Path(configFile)+" can't be read", "openat", err)
	}
	return doc, nil
}

// SaveConfig writes a copy of config.json, for exec and for hooks after the bundle has changed. The container must be
// locked.
func (c *Container) SaveConfig(raw []byte) error { return c.write(configFile, raw) }

// SaveSteps writes the names of the steps that are executed only by start; see package libcontainer. The container must
// be locked.
func (c *Container) SaveSteps(text []byte) error { return c.write(stepsFile, text) }

// Steps reads what SaveSteps wrote.
func (c *Container) Steps() ([]byte, error) {
	text, err := c.read(stepsFile)
	if err != nil {
		return nil, diag.Sys(c.Path(stepsFile)+" can't be read", "openat", err)
	}
	return text, nil
}

// MakeNotify makes the directory for the socket of sd_notify(3). Any user of the container can enter it; the parent
// directories exclude other users of the host.
func (c *Container) MakeNotify() error {
	c.mustBeLocked("MakeNotify")
	err := unix.Mkdirat(c.fd, NotifyDir, 0o755)
	if err == nil {
		err = unix.Fchmodat(c.fd, NotifyDir, 0o755, 0) // whatever the umask is
	}
	if err != nil {
		return diag.Sys(c.Path(NotifyDir)+" can't be made", "mkdirat", err)
	}
	return nil
}

// HasNotify reports whether MakeNotify was called for the container.
func (c *Container) HasNotify() bool { return c.has(NotifyDir) }

// MarkStarted removes the files of a container that waits for start, so that its status is no longer Created. The
// container must be locked.
func (c *Container) MarkStarted() error {
	c.mustBeLocked("MarkStarted")
	for _, name := range []string{StartSocket, stepsFile} {
		if err := unix.Unlinkat(c.fd, name, 0); err != nil && err != unix.ENOENT {
			return diag.Sys(c.Path(name)+" can't be removed", "unlinkat", err)
		}
	}
	return nil
}

// Deleted reports whether the container was deleted since it was opened.
func (c *Container) Deleted() bool { return !c.exists() }

// Remove removes the directory and closes the container, which must be locked. After an interruption it can be
// repeated.
func (c *Container) Remove() error {
	c.mustBeLocked("Remove")
	defer c.Close()
	// Nearly always there are only these three. state.json is removed last: while it exists the container is fully
	// known.
	for _, name := range []string{StartSocket, configFile, stateFile} {
		if err := unix.Unlinkat(c.fd, name, 0); err != nil && err != unix.ENOENT {
			return diag.Sys(c.Path(name)+" can't be removed", "unlinkat", err)
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
		return diag.Sys(c.Path("")+" can't be removed", "unlinkat", err)
	}
	return nil
}

// removeRest removes what else is in the directory: the rest of an interrupted write, or files of another version of
// rt.
func (c *Container) removeRest() error {
	entries, err := os.ReadDir(c.Path(""))
	if err != nil {
		return &diag.Error{Kind: diag.Host, Problem: "the state directory of the container can't be read", Err: err}
	}
	for _, e := range entries {
		if err := os.RemoveAll(c.Path(e.Name())); err != nil {
			return &diag.Error{Kind: diag.Host, Problem: "the state of the container can't be removed", Err: err}
		}
	}
	return nil
}

// HasState reports whether the container has a state: State can still fail.
func (c *Container) HasState() bool { return c.has(stateFile) }

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
