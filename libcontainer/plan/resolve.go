package plan

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// The kernel resolves all paths inside the root file system, from a descriptor of it; rt never resolves them as
// strings. So links that an image, or a container that shares a volume, makes on the way lead to nothing outside. A
// file that was found is used by its descriptor from then on.

// inRoot is how paths of the container resolve: below the root, and not through the magic links of a /proc in it.
const inRoot = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS

// how returns the open_how of openat2(2) as an operand.
func how(flags, resolve uint64) nsenter.Arg {
	var b [24]byte
	binary.NativeEndian.PutUint64(b[:], flags|unix.O_CLOEXEC)
	binary.NativeEndian.PutUint64(b[16:], resolve)
	return nsenter.LazyData(string(b[:]), showHow)
}

// showHow returns how an open_how prints: its flags, and how the path resolves.
func showHow(how string) string {
	flags, resolve := binary.NativeEndian.Uint64([]byte(how)), binary.NativeEndian.Uint64([]byte(how[16:]))
	return "{" + nsenter.OpenFlags.Format(flags) + ", " + nsenter.ResolveFlags.Format(resolve) + "}"
}

// The open_how structures that plans use most.
var (
	howPath     = how(unix.O_PATH, inRoot)
	howDir      = how(unix.O_PATH|unix.O_DIRECTORY, inRoot)
	howRealDir  = how(unix.O_PATH|unix.O_DIRECTORY, inRoot|unix.RESOLVE_NO_SYMLINKS)
	howNotLast  = how(unix.O_PATH|unix.O_NOFOLLOW, inRoot)
	howNoLink   = how(unix.O_PATH|unix.O_NOFOLLOW, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	howMounted  = how(unix.O_PATH|unix.O_DIRECTORY, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	howHostNode = how(unix.O_PATH|unix.O_NOFOLLOW, unix.RESOLVE_NO_SYMLINKS)
	// In a procfs of rt's own: "self" is a link, but no magic one, and nothing is mounted over anything.
	howProcFile = how(unix.O_WRONLY, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS)
)

const sizeofOpenHow = 24

// Relative returns an absolute path as a relative one, for a look-up below a directory: "." for "/".
func Relative(path string) string {
	if path = strings.TrimLeft(path, "/"); path == "" {
		return "."
	}
	return path
}

// openMountPoint opens the mount point of a mount in regTarget. If it is missing, it is made: a directory, or an empty
// file. move_mount(2) refuses a mount point of the wrong kind later. how says which links are followed.
func (c mounter) openMountPoint(origin, destination string, dir bool, how nsenter.Arg) {
	found := c.newLabel()
	c.openMountPointThen(origin, destination, dir, how, found)
	c.mark(found)
}

// openMountPointThen does the same as openMountPoint, and continues at found.
func (c mounter) openMountPointThen(origin, destination string, dir bool, how nsenter.Arg, found label) {
	missing := c.newLabel()
	c.open(origin, "open the mount point", regRoot, destination, how).into(regTarget).then(found).
		onErrno(missing, unix.ENOENT)
	c.mark(missing)
	c.makeAndOpen(origin, destination, dir, how, regTarget, found)
}

// openOrMakeDir opens a directory below the root in r, and makes it if it is missing.
func (c mounter) openOrMakeDir(origin, sentence, path string, r nsenter.Reg) {
	found, missing := c.newLabel(), c.newLabel()
	c.open(origin, sentence, regRoot, path, howDir).into(r).then(found).onErrno(missing, unix.ENOENT)
	c.mark(missing)
	c.makeAndOpen(origin, path, true, howDir, r, found)
	c.mark(found)
}

// makeAndOpen makes the missing path as a directory or an empty file, opens it in r and continues at found.
//
// If symbolic links in the path lead to nothing, their targets are made. Steps can't follow links, and a link may have
// come with an earlier mount, or be hidden by one. So rt makes them, at this step, from the root that the boot process
// passes. This is rare.
func (c mounter) makeAndOpen(origin, path string, dir bool, how nsenter.Arg, r nsenter.Reg, found label) {
	links := c.newLabel()
	c.makePath(origin, path, dir, links)
	if how == howRealDir {
		// No links are followed anyway.
		c.mark(links)
		c.open(origin, "open it", regRoot, path, how).into(r).then(found)
		return
	}
	c.open(origin, "open it", regRoot, path, how).into(r).then(found).onErrno(links, unix.ENOENT)
	c.mark(links)
	name, does := SyncMakeDir, "make the directory that the symbolic links in "+path+" lead to, below the root"
	if !dir {
		name, does = SyncMakeFile, "make the file that the symbolic links in "+path+" lead to, below the root"
	}
	c.passToRt(origin, "the root file system", regRoot).sync(name, does).about(path)
	c.await("wait until rt has made it")
	c.open(origin, "open it", regRoot, path, how).into(r).then(found)
}

// makePath makes the directories of path, and at its end a directory or an empty file. Each is made by its name in a
// directory that was opened below the root, so no link leads out; an existing one is left as it is. If a link on the
// way leads to nothing, it continues at links.
func (c mounter) makePath(origin, path string, dir bool, links label) {
	names := strings.Split(Relative(path), "/")
	parent := regRoot
	for i, name := range names {
		if i == len(names)-1 && !dir {
			c.call(origin, "make an empty file to mount on", nsenter.Mknodat, nsenter.Val(parent), nsenter.Str(name),
				nsenter.Flags(&nsenter.FileModes, unix.S_IFREG|0o644), nsenter.Imm(0)).ignore(unix.EEXIST)
			break
		}
		prefix := strings.Join(names[:i+1], "/")
		if name != ".." && !c.isMountPoint("/"+prefix) {
			c.call(origin, "make the directory", nsenter.Mkdirat, nsenter.Val(parent), nsenter.Str(name),
				nsenter.Flags(&nsenter.Octal, 0o755)).
				ignore(unix.EEXIST)
		}
		if i < len(names)-1 {
			if parent == regDir {
				c.close(regDir)
			}
			c.open(origin, "enter it", regRoot, prefix, howDir).into(regDir).onErrno(links, unix.ENOENT)
			parent = regDir
		}
	}
	if parent == regDir {
		c.close(regDir)
	}
}

// isMountPoint reports whether an earlier mount of the config is at path, and no later one hides it, so that the
// directory is there. Where links lead elsewhere the directory is made as behind any link that leads to nothing.
func (c mounter) isMountPoint(path string) bool {
	i, itself := c.mounted.Above(path)
	return itself && (i >= len(c.opt.Links) || c.opt.Links[i] == "")
}

// openParent opens the directory that contains path, and returns its register and the last name of path. A path in /dev
// is looked up from the directory that devices has opened, whatever has happened to the name since.
func (c mounter) openParent(origin, path string) (nsenter.Reg, string) {
	i := strings.LastIndexByte(path, '/')
	dir, name := path[:i], path[i+1:]
	if dir == "/dev" {
		return regDev, name
	}
	return c.openDir(origin, dir), name
}

// openDir opens a directory below the root, which it makes if need be, and returns its register.
func (c mounter) openDir(origin, dir string) nsenter.Reg {
	if dir == "" {
		return regRoot
	}
	c.openOrMakeDir(origin, "open the directory", dir, regDir)
	return regDir
}

// notInConfig is the index of a mount that the config does not ask for: see compileNotify.
const notInConfig = -1

// mountPath returns the path of a property of mounts[i], for messages.
func mountPath(m *spec.Mount, property string) string {
	if m.Index == notInConfig {
		return notifyOrigin
	}
	p := spec.Path("mounts").At(m.Index)
	if property != "" {
		p = p.Dot(property)
	}
	return string(p)
}
