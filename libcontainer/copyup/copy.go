// Package copyup copies a directory into a new tmpfs: the mount option tmpcopyup (config.md#configLinuxMountOptions).
//
// It takes descriptors of the directory and of a tmpfs that is not attached yet, and copies the tree: directories,
// sparse files, symbolic and hard links, devices, sockets and fifos, with mode, owner, times, access control lists and
// file capabilities.
//
// It runs in rt, with rt's rights and the host's ids, and does not trust what it reads: a running container may change
// the tree meanwhile. Everything is opened by a descriptor and a single name, no link is followed, and only regular
// files and directories are opened. It refuses to copy what the container's root could not have read itself, trees
// deeper than 200 directories, and files that it may not read.
package copyup

import (
	"os"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Options say which attributes of the directory the root of the tmpfs does not get.
type Options struct {
	KeepMode bool // a mount option has set its mode
	// OneMount makes another mount below the directory an error, EXDEV.
	OneMount bool
	// Progress, if it is not nil, is called for each entry, and for each megabyte of a file.
	Progress func()
}

// maxDepth is the greatest nesting of directories: each level has four descriptors open, and the default RLIMIT_NOFILE
// is 1024.
const maxDepth = 200

// copier copies one tree.
type copier struct {
	root       int // of the tmpfs
	uid, gid   uint32
	privileged bool   // rt may change owners
	resolve    uint64 // RESOLVE_* flags for entries
	progress   func()
	path       []byte           // of the current entry, below the root, with a leading slash
	buffer     []byte           // for directories, links, contents and attributes
	links      map[inode]string // files with several links: the path of the first copy
}

// inode identifies a file.
type inode struct{ device, number uint64 }

// Copy copies the content of the directory from into to, and gives to the attributes of from, except the owner: that is
// the container's root, or the user named by mount options, as with runc and crun. Both may be O_PATH descriptors.
// Errors are *diag.Error and name the file.
func Copy(from, to int, o Options) error {
	c := copier{root: to, buffer: make([]byte, 64<<10), privileged: os.Geteuid() == 0, progress: o.Progress}
	if o.OneMount {
		c.resolve = unix.RESOLVE_NO_XDEV
	}
	if c.progress == nil {
		c.progress = func() {}
	}
	var source, target unix.Stat_t
	if err := unix.Fstat(from, &source); err != nil {
		return c.copyError("fstat", err)
	}
	if err := unix.Fstat(to, &target); err != nil {
		return c.copyError("fstat", err)
	}
	c.uid, c.gid = target.Uid, target.Gid
	source.Uid, source.Gid = target.Uid, target.Gid
	if o.KeepMode {
		source.Mode = target.Mode
	}
	return RunAsOwner(target.Uid, target.Gid, func() error { return c.copyDirectory(from, to, &source, 0) })
}

// copyError returns the error of a call on the current entry.
func (c *copier) copyError(call string, err error) error {
	path := string(c.path)
	if path == "" {
		path = "the directory itself"
	}
	return diag.Sys(path+" can't be copied", call, err)
}

// refusalError returns the error of an entry that rt refuses to copy.
func (c *copier) refusalError(why string) error {
	return &diag.Error{Kind: diag.Host, Problem: string(c.path) + " can't be copied: " + why}
}

// copyDirectory copies the entries of a directory, and then its attributes, which may deny writing into it.
func (c *copier) copyDirectory(from, to int, st *unix.Stat_t, depth int) error {
	if depth > maxDepth {
		return c.refusalError("directories are nested more than 200 deep")
	}
	in, err := unix.Openat(from, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return c.copyError("openat", err)
	}
	defer func() { _ = unix.Close(in) }()
	out, err := unix.Openat(to, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return c.copyError("openat", err)
	}
	defer func() { _ = unix.Close(out) }()
	if err := c.copyEntries(in, out, depth); err != nil {
		return err
	}
	return c.finishFile(in, out, st)
}

// copyEntries copies the entries of a directory, reading one buffer at a time.
func (c *copier) copyEntries(in, out, depth int) error {
	for {
		n, err := unix.ReadDirent(in, c.buffer)
		if err != nil {
			return c.copyError("getdents64", err)
		}
		if n == 0 {
			return nil
		}
		_, _, names := unix.ParseDirent(c.buffer[:n], -1, nil)
		length := len(c.path)
		for _, name := range names {
			c.path = append(append(c.path[:length], '/'), name...)
			if err := c.copyEntry(in, out, name, depth); err != nil {
				return err
			}
		}
		c.path = c.path[:length]
	}
}

// copyEntry copies one entry of a directory. One that was removed meanwhile is skipped.
func (c *copier) copyEntry(from, to int, name string, depth int) error {
	c.progress()
	fd, err := unix.Openat2(from, name, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: c.resolve,
	})
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return c.copyError("openat2", err)
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return c.copyError("fstat", err)
	}
	if done, err := c.linkCopy(to, name, &st); done || err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return c.copySubdirectory(fd, to, name, &st, depth)
	case unix.S_IFREG:
		return c.copyFile(fd, to, name, &st)
	case unix.S_IFLNK:
		n, err := unix.Readlinkat(fd, "", c.buffer)
		if err != nil {
			return c.copyError("readlinkat", err)
		}
		if err := unix.Symlinkat(string(c.buffer[:n]), to, name); err != nil {
			return c.copyError("symlinkat", err)
		}
	default:
		if err := unix.Mknodat(to, name, st.Mode, int(st.Rdev)); err != nil {
			return c.copyError("mknodat", err)
		}
	}
	return c.finishNode(to, name, &st)
}

// linkCopy makes a hard link if the file was already copied under another name. Looking up that path is safe: only rt
// can change the tmpfs yet.
func (c *copier) linkCopy(to int, name string, st *unix.Stat_t) (bool, error) {
	if st.Nlink < 2 || st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return false, nil
	}
	i := inode{st.Dev, st.Ino}
	if first, ok := c.links[i]; ok {
		if err := unix.Linkat(c.root, first, to, name, 0); err != nil {
			return true, c.copyError("linkat", err)
		}
		return true, nil
	}
	if c.links == nil {
		c.links = make(map[inode]string)
	}
	c.links[i] = string(c.path[1:])
	return false, nil
}

// copySubdirectory copies a directory below the top one.
func (c *copier) copySubdirectory(from, to int, name string, st *unix.Stat_t, depth int) error {
	if err := unix.Mkdirat(to, name, 0o700); err != nil {
		return c.copyError("mkdirat", err)
	}
	fd, err := unix.Openat(to, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return c.copyError("openat", err)
	}
	defer func() { _ = unix.Close(fd) }()
	return c.copyDirectory(from, fd, st, depth+1)
}
