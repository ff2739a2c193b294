package idmap

import (
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/nsenter"
	"rt/spec"
)

// Namespaces are the user namespaces from which id-mapped mounts take their mappings (mount_setattr(2)). Mounts with
// the same mappings share one, because each costs a process.
type Namespaces struct {
	config  *spec.Spec
	dir, id string
	made    []namespace
}

type namespace struct {
	uid, gid []specs.LinuxIDMapping
	fd       int
}

// NewNamespaces returns an empty set for the mounts of config. A short-lived process creates each namespace: its boot
// image may need the directory dir, and ps(1) shows it with id.
func NewNamespaces(config *spec.Spec, dir, id string) *Namespaces {
	return &Namespaces{config: config, dir: dir, id: id}
}

// Close closes the namespaces. Mounts that have their mappings keep them.
func (l *Namespaces) Close() {
	for i := range l.made {
		_ = unix.Close(l.made[i].fd)
	}
	l.made = nil
}

// Of returns a descriptor of a user namespace with the mappings of a mount. Close closes it.
func (l *Namespaces) Of(mount *spec.Mount) (fd int, err error) {
	for i := range l.made {
		if slices.Equal(l.made[i].uid, mount.UIDMappings) && slices.Equal(l.made[i].gid, mount.GIDMappings) {
			return l.made[i].fd, nil
		}
	}
	if joined := l.config.Namespaces.Joined(unix.CLONE_NEWUSER); joined != nil && len(mount.UIDMappings) == 0 {
		// The mappings of a joined namespace are in no config: the mount takes those of the namespace itself.
		fd, err = process.OpenNamespace(joined.Field(), joined.Path, joined.Flag)
	} else {
		fd, err = l.create(mount)
	}
	if err != nil {
		return -1, err
	}
	l.made = append(l.made, namespace{mount.UIDMappings, mount.GIDMappings, fd})
	return fd, nil
}

// Apply maps the IDs of a detached copy of a mount's source.
func (l *Namespaces) Apply(mount *spec.Mount, tree int) error {
	namespace, err := l.Of(mount)
	if err != nil {
		return err
	}
	flags := uint(unix.AT_EMPTY_PATH)
	if mount.IDMapRecursive {
		flags |= unix.AT_RECURSIVE
	}
	err = unix.MountSetattr(tree, "", flags, &unix.MountAttr{
		Attr_set:  unix.MOUNT_ATTR_IDMAP,
		Userns_fd: uint64(namespace),
	})
	if err != nil {
		e := diag.Sys("the ids of the mount can't be mapped", "mount_setattr",
			err).At(mount.Field("source"), mount.Source)
		return e.WithHint(diag.Hint("mount_setattr", e.Errno, "mounts"))
	}
	return nil
}

// create creates a user namespace with the mappings of a mount, with a process that is cloned into it and waits.
func (l *Namespaces) create(mount *spec.Mount) (int, error) {
	image, err := nsenter.Assemble(plan.IdleProgram())
	if err != nil {
		return -1, err
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-idmap", l.id}, CloneFlags: unix.CLONE_NEWUSER, CgroupFD: -1, Dir: l.dir,
	})
	if err != nil {
		if e, ok := err.(*diag.Error); ok { //nolint:errorlint // made by Spawn
			return -1, e.At(mount.Field("uidMappings"), "")
		}
		return -1, err
	}
	defer func() {
		boot.Close()
		_, _ = boot.Wait()
	}()
	uids, gids := formatMappings(mount.UIDMappings), formatMappings(mount.GIDMappings)
	if err := writeFile(boot.Pid, process.UIDMap, mount.Field("uidMappings"), uids); err != nil {
		return -1, err
	}
	if err := writeFile(boot.Pid, process.GIDMap, mount.Field("gidMappings"), gids); err != nil {
		return -1, err
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(boot.Pid)+"/ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the user namespace that maps the mount's ids can't be opened", "open", err).
			At(mount.Field("uidMappings"), "")
	}
	return fd, nil
}
