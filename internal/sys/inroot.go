package sys

import (
	"strings"

	"golang.org/x/sys/unix"
)

// OpenInRoot opens a file below the directory root. Links are followed as in a process whose root that directory is;
// those of procfs that lead to open files are ELOOP.
func OpenInRoot(root, name string, flags uint64) (int, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(dir) }()
	return unix.Openat2(dir, relative(name), &unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// relative returns a path without leading slashes; "." is the root itself.
func relative(path string) string {
	if path = strings.TrimLeft(path, "/"); path == "" {
		return "."
	}
	return path
}

// maxNames is how many names a path may have, together with those that its links consist of.
const maxNames = 4096

// MakeInRoot makes path below the directory root: a directory, or an empty file, with all directories on the way. Links
// are followed as in a process whose root that directory is, and what they lead to is made too, so that path resolves
// afterwards.
//
// Others may change names meanwhile. Each name is looked up in a directory that was opened from root without any link
// on the way, and is made there: whatever happens, nothing outside of root is touched. resolve has further RESOLVE_*
// flags: with RESOLVE_NO_XDEV another mount on the way is EXDEV.
func MakeInRoot(root int, path string, dir bool, resolve uint64) error {
	todo := Names(path)
	var way []string // the names from root to the current directory, without links
	links := 0
	for steps := 0; len(todo) > 0; steps++ {
		if steps > maxNames || len(way) > maxNames {
			return unix.ENAMETOOLONG
		}
		name := todo[0]
		todo = todo[1:]
		if name == ".." {
			way = way[:max(len(way)-1, 0)]
			continue
		}
		text, err := makeName(root, way, name, dir || len(todo) > 0, resolve)
		if err != nil {
			return err
		}
		if text == "" {
			way = append(way, name)
			continue
		}
		if links++; links > maxLinks {
			return unix.ELOOP
		}
		if text[0] == '/' {
			way = way[:0]
		}
		todo = append(Names(text), todo...)
	}
	return nil
}

// makeName makes one name in the directory that way leads to, unless it is there. If it is a symbolic link,
// makeName returns its text.
func makeName(root int, way []string, name string, dir bool, resolve uint64) (link string, err error) {
	parent, err := unix.Openat2(root, relative(strings.Join(way, "/")), &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | resolve,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(parent) }()
	if dir {
		err = unix.Mkdirat(parent, name, 0o755)
	} else {
		err = unix.Mknodat(parent, name, unix.S_IFREG|0o644, 0)
	}
	if err != unix.EEXIST && err != unix.EROFS {
		return "", err
	}
	createErr := err
	var text [unix.PathMax]byte
	switch n, err := unix.Readlinkat(parent, name, text[:]); {
	case err == unix.EINVAL:
		return "", nil // no link
	case err == unix.ENOENT:
		return "", createErr // it does not exist and can't be created
	case err != nil:
		return "", err
	case n <= 0 || n == len(text):
		return "", unix.ENAMETOOLONG
	default:
		return string(text[:n]), nil
	}
}

// Names returns the names that a path consists of, without what changes nothing: repeated slashes and ".".
func Names(path string) []string {
	all := strings.Split(path, "/")
	kept := all[:0]
	for _, name := range all {
		if name != "" && name != "." {
			kept = append(kept, name)
		}
	}
	return kept
}
