package state

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"
)

// Root is the directory of the containers' state directories: --root, or DefaultRoot.
type Root struct {
	path string
	fd   int // -1 if the directory does not exist: there are no containers
	// Cancelled returns an error if nobody waits any more for what a lock is waited for; it may be nil.
	Cancelled func() error
}

// DefaultRoot returns /run/rt for root in the initial user namespace and $XDG_RUNTIME_DIR/rt for other users.
func DefaultRoot() string {
	return defaultRoot(os.Geteuid(), host.InUserNS, os.Getenv)
}

// defaultRoot is DefaultRoot of the given user.
//
// Uid 0 of another user namespace gets /run/rt only if $USER says root, or if it has no runtime directory: rootless
// Docker mounts its own /run, Podman does not.
func defaultRoot(euid int, inUserNS func() bool, getenv func(string) string) string {
	dir := getenv("XDG_RUNTIME_DIR")
	if dir == "" || !filepath.IsAbs(dir) { // a relative one must be ignored (XDG Base Directory Specification)
		return "/run/rt"
	}
	if euid == 0 && (!inUserNS() || getenv("USER") == "root") {
		return "/run/rt"
	}
	return filepath.Join(dir, "rt")
}

// OpenRoot opens the directory at path. With create it makes a missing one, with its parents, in mode 0700. Without
// create a missing directory is no error: there are no containers.
func OpenRoot(path string, create bool) (*Root, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &diag.Error{
			Kind:    diag.Host,
			Problem: "the path of the state directory can't be resolved: " + path,
			Err:     err,
		}
	}
	fd, err := openDir(unix.AT_FDCWD, path)
	if errors.Is(err, unix.ENOENT) && create {
		if err := makeRoot(path); err != nil {
			return nil, err
		}
		fd, err = openDir(unix.AT_FDCWD, path)
	}
	if errors.Is(err, unix.ENOENT) && !create {
		return &Root{path: path, fd: -1}, nil
	}
	if err != nil {
		e := diag.Sys("the state directory "+path+" can't be opened", "openat", err)
		e.Hint = hintRoot(path)
		return nil, e
	}
	r := &Root{path: path, fd: fd}
	// Compared by inode: a symbolic link or a bind mount may lead there too.
	if same, err := sameFile(fd, "/"); err != nil || same {
		r.Close()
		return nil, &diag.Error{Kind: diag.Usage, Field: "--root", Value: path, Problem: "must not be the root " +
			"directory"}
	}
	if err := r.checkTrust(fd, ""); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// makeRoot makes the directory. Below $XDG_RUNTIME_DIR it gets the sticky bit: under the XDG Base Directory
// Specification files without it may be removed after a while, and a container may run for long.
func makeRoot(path string) error {
	// The path is the administrator's, not the container's.
	if err := os.MkdirAll(path, 0o700); err != nil { //nolint:forbidigo // see above
		return &diag.Error{
			Kind:    diag.Host,
			Problem: "the state directory can't be made",
			Err:     err,
			Hint:    hintRoot(path),
		}
	}
	runtimeDir := os.Getenv("XDG_RUNTIME_DIR")
	if runtimeDir == "" || !strings.HasPrefix(path, filepath.Clean(runtimeDir)+"/") {
		return nil
	}
	if err := unix.Chmod(path, unix.S_ISVTX|0o700); err != nil {
		return diag.Sys("the state directory "+path+" can't be made sticky", "fchmodat", err)
	}
	return nil
}

// hintRoot returns a hint for a user without a runtime directory.
func hintRoot(path string) string {
	if strings.HasPrefix(path, "/run/rt") && os.Geteuid() != 0 {
		return "set XDG_RUNTIME_DIR, or name a directory of yours with --root"
	}
	return ""
}

// Exists reports whether the directory exists.
func (r *Root) Exists() bool { return r.fd >= 0 }

// Path returns the absolute path of the directory.
func (r *Root) Path() string { return r.path }

// Close closes the directory. Its containers must be closed first.
func (r *Root) Close() {
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
	}
}

// List returns the IDs of all containers, complete or not, sorted.
func (r *Root) List() ([]string, error) {
	if r.fd < 0 {
		return nil, nil
	}
	entries, err := os.ReadDir(r.path)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Host, Problem: "the state directory can't be read", Err: err}
	}
	ids := make([]string, 0, len(entries))
	for _, e := range entries {
		if e.IsDir() && CheckID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// maxID is NAME_MAX (limits.h): the ID is the name of a directory.
const maxID = 255

// CheckID checks that id may be a container ID: letters, digits and _ + . -, as engines expect of every runtime.
func CheckID(id string) error {
	bad := func(problem string) error {
		return &diag.Error{
			Kind:    diag.Usage,
			Problem: "invalid container ID format: " + strconv.Quote(id) + " " + problem,
		}
	}
	switch {
	case id == "":
		return bad("is empty")
	case len(id) > maxID:
		return bad("has more than 255 characters")
	case id == "." || id == "..":
		return bad("is a directory of every directory")
	}
	for _, c := range id {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '+', c == '.', c == '-':
		default:
			return bad("may have letters, digits and _ + . - only")
		}
	}
	return nil
}

// openDir opens a directory. Its last component must not be a symbolic link, except for the root directory, which the
// user may have linked.
func openDir(at int, name string) (int, error) {
	flags := unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	if at != unix.AT_FDCWD {
		flags |= unix.O_NOFOLLOW
	}
	for {
		fd, err := unix.Openat(at, name, flags, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// sameFile reports whether path and fd refer to the same file.
func sameFile(fd int, path string) (bool, error) {
	var a, b unix.Stat_t
	if err := unix.Fstat(fd, &a); err != nil {
		return false, err
	}
	if err := unix.Stat(path, &b); err != nil {
		return false, err
	}
	return sys.IsSameFile(&a, &b), nil
}
