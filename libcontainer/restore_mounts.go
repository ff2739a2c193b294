package libcontainer

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
	"rt/libcontainer/plan"
	"rt/spec"
)

// joinFile is the entry of linux.namespaces j as openNamespace takes it.
func joinFile(j *spec.Join) *plan.File {
	return &plan.File{Path: j.Path, Flag: j.Flag, Origin: "linux.namespaces[" + strconv.Itoa(j.Index) + "].path"}
}

// makeMountPoints makes the mount points of the config that are missing, as create does: below the root file system, whatever links are in the way. What lies in
// a file system of the container's own comes back with its contents, and what lies in a bind mount is made in its source.
func (x *restorer) makeMountPoints() error {
	for i := range x.spec.Mounts {
		m := &x.spec.Mounts[i]
		if m.Remount {
			continue
		}
		root, path := x.spec.Rootfs, m.Destination
		if t := x.options.Targets; i < len(t) && t[i] != "" {
			path = t[i]
		}
		above := x.above(i)
		if above != nil && !above.Bind {
			continue
		}
		if above != nil {
			root, path = above.Source, strings.TrimPrefix(m.Destination, above.Destination)
		}
		dir := !m.Bind || x.options.Sources[i] == plan.SourceDir
		if err := makeMountPoint(root, path, dir); err != nil {
			e := diag.Sys("the mount point can't be made", "openat2", err)
			e.Field, e.Value = mountField(m, "destination"), m.Destination
			return e
		}
	}
	return nil
}

// above returns the mount that the destination of mount i lies in, or nil if that is the root file system.
func (x *restorer) above(i int) (above *spec.Mount) {
	destination := x.spec.Mounts[i].Destination
	for j := range x.spec.Mounts[:i] {
		m := &x.spec.Mounts[j]
		if !m.Remount && strings.HasPrefix(destination, m.Destination+"/") && (above == nil || len(m.Destination) >= len(above.Destination)) {
			above = m
		}
	}
	return above
}

// makeMountPoint makes path below the directory root, with all directories on the way: a directory, or an empty file. Each is made by its name in a directory that was
// opened below root, so no link leads out of that.
func makeMountPoint(root, path string, dir bool) error {
	if fd, err := openInRoot(root, relative(path), unix.O_PATH); err != unix.ENOENT {
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
	names := strings.Split(relative(path), "/")
	for i, name := range names {
		parent, err := openInRoot(root, relative(strings.Join(names[:i], "/")), unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		if i == len(names)-1 && !dir {
			err = unix.Mknodat(parent, name, unix.S_IFREG|0o644, 0)
		} else {
			err = unix.Mkdirat(parent, name, 0o755)
		}
		_ = unix.Close(parent)
		if err != nil && err != unix.EEXIST {
			return err
		}
	}
	return nil
}

// relative returns a path as openat2(2) takes it below a directory.
func relative(path string) string {
	if path = strings.TrimLeft(path, "/"); path == "" {
		return "."
	}
	return path
}
