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
	"rt/libcontainer/host"
)

// Root is the directory that holds the containers' directories: --root, or DefaultRoot.
type Root struct {
	path string
	fd   int // -1: there is no such directory, and so no container
}

// DefaultRoot is /run/rt for the real root and $XDG_RUNTIME_DIR/rt for everyone else.
func DefaultRoot() string {
	return defaultRoot(os.Geteuid(), host.InUserNS, os.Getenv)
}

// defaultRoot is DefaultRoot of the given user.
//
// Uid 0 of a user namespace is root of nothing but that. It gets /run/rt only if it says that it is root to the full ($USER), or has no
// runtime directory: rootless Docker mounts a /run of its own, podman does not.
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

// OpenRoot opens the directory at path; with create it makes it where it is missing, with its parents, for the owner alone.
// Without create a missing directory is no error: it holds no containers.
func OpenRoot(path string, create bool) (*Root, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Host, Problem: "the state directory " + path, Err: err}
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
		e := diag.Sys("open the state directory "+path, "openat", err)
		e.Hint = hintRoot(path)
		return nil, e
	}
	r := &Root{path: path, fd: fd}
	// Compared by inode, since a symbolic link or a bind mount may lead there too.
	if same, err := sameFile(fd, "/"); err != nil || same {
		r.Close()
		return nil, &diag.Error{Kind: diag.Usage, Field: "--root", Value: path, Problem: "must not be the root directory"}
	}
	if err := checkTrust(fd, path, distrustRoot); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// makeRoot makes the directory. Below $XDG_RUNTIME_DIR it gets the sticky bit: the XDG Base Directory Specification lets what has none be
// removed after a while, and a container may run for long.
func makeRoot(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil { //nolint:forbidigo // the path is the administrator's, no container has a hand in it
		return &diag.Error{Kind: diag.Host, Problem: "make the state directory", Err: err, Hint: hintRoot(path)}
	}
	runtimeDir := os.Getenv("XDG_RUNTIME_DIR")
	if runtimeDir == "" || !strings.HasPrefix(path, filepath.Clean(runtimeDir)+"/") {
		return nil
	}
	if err := unix.Chmod(path, unix.S_ISVTX|0o700); err != nil {
		return diag.Sys("make the state directory "+path+" sticky", "fchmodat", err)
	}
	return nil
}

// hintRoot helps a user without a runtime directory.
func hintRoot(path string) string {
	if strings.HasPrefix(path, "/run/rt") && os.Geteuid() != 0 {
		return "set XDG_RUNTIME_DIR, or name a directory of yours with --root"
	}
	return ""
}

// Exists reports whether the directory is there.
func (r *Root) Exists() bool { return r.fd >= 0 }

// Path is the absolute path of the directory.
func (r *Root) Path() string { return r.path }

// Close gives the directory back. The containers in it must be closed before.
func (r *Root) Close() {
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
	}
}

// List returns the ids of all containers, whole or not, sorted.
func (r *Root) List() ([]string, error) {
	if r.fd < 0 {
		return nil, nil
	}
	entries, err := os.ReadDir(r.path)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Host, Problem: "read the state directory", Err: err}
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

// maxID is NAME_MAX (limits.h): the id is the name of a directory.
const maxID = 255

// CheckID says whether id may be the name of a container: letters, digits and _ + . -, as engines expect of every runtime.
func CheckID(id string) error {
	bad := func(problem string) error {
		return &diag.Error{Kind: diag.Usage, Problem: "invalid container ID format: " + strconv.Quote(id) + " " + problem}
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

// openDir opens a directory that is not a symbolic link at its last component, except for the root directory, which the user may have linked.
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

// sameFile reports whether path leads to what fd is.
func sameFile(fd int, path string) (bool, error) {
	var a, b unix.Stat_t
	if err := unix.Fstat(fd, &a); err != nil {
		return false, err
	}
	if err := unix.Stat(path, &b); err != nil {
		return false, err
	}
	return a.Dev == b.Dev && a.Ino == b.Ino, nil
}
