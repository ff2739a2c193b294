package libcontainer

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

// idMaps are the user namespaces that id-mapped mounts take their mappings from (mount_setattr(2)): one for all mounts
// with the same mappings, since each costs a process.
type idMaps struct {
	m    *maker
	made []idMap
}

type idMap struct {
	uid, gid []specs.LinuxIDMapping
	fd       int // of the user namespace
}

func (l *idMaps) close() {
	for i := range l.made {
		_ = unix.Close(l.made[i].fd)
	}
}

// namespace returns a user namespace with the mappings of a mount. It stays l's.
func (l *idMaps) namespace(mount *spec.Mount) (fd int, err error) {
	for i := range l.made {
		if slices.Equal(l.made[i].uid, mount.UIDMappings) && slices.Equal(l.made[i].gid, mount.GIDMappings) {
			return l.made[i].fd, nil
		}
	}
	if joined := l.m.spec.Namespaces.Joined(unix.CLONE_NEWUSER); joined != nil && len(mount.UIDMappings) == 0 {
		// Its mappings are in no config: those of the namespace itself are meant.
		fd, err = process.OpenNamespace(joined.Field(), joined.Path, joined.Flag)
	} else {
		fd, err = l.m.newUserNamespace(mount)
	}
	if err == nil {
		l.made = append(l.made, idMap{mount.UIDMappings, mount.GIDMappings, fd})
	}
	return fd, err
}

// apply maps the ids of a detached copy of a mount's source, which it closes if that can't be.
func (l *idMaps) apply(mount *spec.Mount, tree int) (int, error) {
	namespace, err := l.namespace(mount)
	if err != nil {
		_ = unix.Close(tree)
		return -1, err
	}
	flags := uint(unix.AT_EMPTY_PATH)
	if mount.IDMapRecursive {
		flags |= unix.AT_RECURSIVE
	}
	err = unix.MountSetattr(tree, "", flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP,
		Userns_fd: uint64(namespace)})
	if err != nil {
		_ = unix.Close(tree)
		e := diag.Sys("the ids of the mount can't be mapped", "mount_setattr", err)
		e.Field, e.Value, e.Hint = mount.Field("source"), mount.Source, diag.Hint("mount_setattr", e.Errno,
			"mounts")
		return -1, e
	}
	return tree, nil
}

// newUserNamespace makes a user namespace with the mappings of a mount, by way of a process that is born in it and
// waits.
func (m *maker) newUserNamespace(mount *spec.Mount) (int, error) {
	image, err := nsenter.Assemble(plan.Idle())
	if err != nil {
		return -1, err
	}
	boot, err := nsenter.Spawn(image, &nsenter.SpawnOptions{
		Argv: []string{"rt-idmap", m.id}, CloneFlags: unix.CLONE_NEWUSER, CgroupFD: -1, Dir: m.container.Path("."),
	})
	if err != nil {
		if e, ok := err.(*diag.Error); ok { //nolint:errorlint // made by Spawn
			e.Field = mount.Field("uidMappings")
		}
		return -1, err
	}
	defer func() {
		boot.Close()
		_, _ = boot.Wait()
	}()
	proc := "/proc/" + strconv.Itoa(boot.Pid)
	if err := writeMappings(proc+"/uid_map", mount.Field("uidMappings"), mount.UIDMappings); err != nil {
		return -1, err
	}
	if err := writeMappings(proc+"/gid_map", mount.Field("gidMappings"), mount.GIDMappings); err != nil {
		return -1, err
	}
	fd, err := unix.Open(proc+"/ns/user", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		e := diag.Sys("the user namespace that maps the mount's ids can't be opened", "open", err)
		e.Field = mount.Field("uidMappings")
		return -1, e
	}
	return fd, nil
}

// writeMappings writes an id map: user_namespaces(7).
func writeMappings(path, field string, mappings []specs.LinuxIDMapping) error {
	var text []byte
	for _, r := range mappings {
		for _, n := range [...]uint32{r.ContainerID, r.HostID, r.Size} {
			text = append(strconv.AppendUint(text, uint64(n), 10), ' ')
		}
		text[len(text)-1] = '\n'
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, text)
		_ = unix.Close(fd)
	}
	if err == nil {
		return nil
	}
	e := diag.Sys("the ids can't be mapped so", "write", err)
	e.Field = field
	switch e.Errno {
	case unix.EPERM:
		e.Hint = "rt may map only ids that it has in its own user namespace"
	case unix.EINVAL:
		e.Hint = "the kernel takes at most 340 ranges, and none that overlap"
	}
	return e
}
