// Package descriptor opens the files that a plan passes to its boot process: namespaces, detached copies of bind
// sources, cgroups, sockets. They are opened with the rights and in the mount namespace of rt, before the container
// exists, so that no path of the host is resolved inside the container.
package descriptor

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/idmap"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
	"rt/spec"
)

// Opener opens the files of the plan that creates one container.
type Opener struct {
	Spec   *spec.Spec
	Facts  *host.Facts
	Cgroup *cgroup.Group
	Dir    *state.Container
}

// Open opens files, in their order. The caller closes the descriptors. On an error none is open.
func (o *Opener) Open(files []plan.File) ([]int, error) {
	fds := make([]int, 0, len(files))
	maps := idmap.NewNamespaces(o.Spec, o.Dir.Path("."), o.Dir.ID)
	defer maps.Close()
	for i := range files {
		fd, err := o.open(&files[i], maps)
		if err != nil {
			sys.CloseAll(fds...)
			return nil, err
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

func (o *Opener) open(f *plan.File, maps *idmap.Namespaces) (int, error) {
	switch f.Kind {
	case plan.FileNamespace:
		return process.OpenNamespace(f.Origin, f.Path, f.Flag)
	case plan.FileTree, plan.FileNotify:
		return o.cloneTree(f, maps)
	case plan.FileMqueue:
		fd, err := newMqueue()
		return opened(f, "fsmount", fd, err)
	case plan.FileDevice:
		return o.makeDevice(f)
	case plan.FileIDMap:
		namespace, err := maps.Of(&o.Spec.Mounts[f.Index])
		return duplicate(f, namespace, err)
	case plan.FileCgroup:
		dir, err := o.Cgroup.OpenDir()
		return duplicate(f, dir, err)
	case plan.FileJoin:
		joins, err := o.Cgroup.OpenJoins()
		if err != nil {
			return -1, err
		}
		return duplicate(f, joins[f.Index].FD, nil)
	case plan.FileSpare:
		fd, err := unix.Open(f.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
		return opened(f, "open", fd, err)
	case plan.FileStart:
		return listen(o.Dir.SocketPath(state.StartSocket))
	default:
		panic("descriptor: " + f.Path + " is for plans that join a container, not for those that create one")
	}
}

// opened returns fd, or the error about a file that a system call could not open.
func opened(f *plan.File, call string, fd int, err error) (int, error) {
	if err == nil {
		return fd, nil
	}
	what := f.Path
	if f.Kind == plan.FileCgroup {
		what = "the container's cgroup"
	}
	e := hostpath.LookUpError(what+" can't be opened", call, err).At(f.Origin, "")
	return -1, e.WithHint(diag.Hint(call, e.Errno, f.Origin))
}

// duplicate returns a duplicate of fd, unless getting fd has failed with err.
func duplicate(f *plan.File, fd int, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	other, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return opened(f, "fcntl", other, err)
}

// cloneTree returns a detached copy of the mount at the path of a bind source: open_tree(2).
func (o *Opener) cloneTree(f *plan.File, maps *idmap.Namespaces) (int, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	var mount *spec.Mount // nil for a source that no mount of the config names
	if f.Index >= 0 {
		mount = &o.Spec.Mounts[f.Index]
	}
	if f.Kind == plan.FileTree && (mount == nil || mount.Recursive) {
		flags |= unix.AT_RECURSIVE
	}
	if f.Kind == plan.FileTree && mount != nil && mount.SourceNoFollow {
		flags |= unix.AT_SYMLINK_NOFOLLOW
	}
	tree, err := openTree(f.Path, flags)
	if err != nil {
		return opened(f, "open_tree", -1, err)
	}
	if o.Facts.Has(host.MountSetattr) {
		// The copy is a peer of the host's mount: mounts that the container attaches to it would appear on the host.
		err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE,
			&unix.MountAttr{Propagation: unix.MS_SLAVE})
		if err != nil {
			_ = unix.Close(tree)
			return opened(f, "mount_setattr", -1, err)
		}
	}
	if mount != nil && mount.IDMap {
		if err := maps.Apply(mount, tree); err != nil {
			_ = unix.Close(tree)
			return -1, err
		}
	}
	return tree, nil
}

// openTree calls open_tree(2) without waiting for the server of the file system.
func openTree(path string, flags uint) (int, error) {
	var follow uint64
	if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
		follow = unix.O_NOFOLLOW
	}
	fd, err := hostpath.Open(path, follow)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fd) }()
	st, err := sys.StatNoSync(fd, "", unix.AT_EMPTY_PATH, 0)
	if err == nil && st.Attributes&unix.STATX_ATTR_AUTOMOUNT != 0 {
		return unix.OpenTree(unix.AT_FDCWD, path, flags) // this look-up mounts the file system: autofs(5)
	}
	return unix.OpenTree(fd, "", flags|unix.AT_EMPTY_PATH)
}

// listen returns the start socket, on which the boot process accepts the connection of `rt start`.
func listen(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the start socket can't be created", "socket", err)
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("the start socket can't be created in the state directory", "bind", err)
	}
	return fd, nil
}

// newMqueue returns a detached, read-only mount of the message queues of rt's ipc namespace: mq_overview(7), fsopen(2).
func newMqueue() (int, error) {
	fs, err := unix.Fsopen("mqueue", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fs) }()
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, err
	}
	return unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC,
		unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC|unix.MOUNT_ATTR_NODEV)
}
