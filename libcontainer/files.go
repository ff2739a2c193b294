package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"
	"rt/libcontainer/idmap"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// openFiles opens what the plan has rt open, with the host's eyes, in the order of the plan. The caller closes what is
// returned, on an error too.
func (c *creation) openFiles() ([]int, error) {
	files := make([]int, 0, len(c.in.plan.Files))
	maps := idmap.NewNamespaces(c.in.spec, c.container.Path("."), c.in.options.ID)
	defer maps.Close()
	for i := range c.in.plan.Files {
		fd, err := c.openFile(&c.in.plan.Files[i], maps)
		if err != nil {
			return files, err
		}
		files = append(files, fd)
	}
	return files, nil
}

// handOverTrees opens the next batch of bind sources, and gives it to the boot process, which has used up the last one.
func (c *creation) handOverTrees() error {
	maps := idmap.NewNamespaces(c.in.spec, c.container.Path("."), c.in.options.ID)
	defer maps.Close()
	batch := c.in.plan.Later[0]
	c.in.plan.Later = c.in.plan.Later[1:]
	trees := make([]int, 0, len(batch))
	defer func() { sys.CloseAll(trees...) }()
	for i := range batch {
		fd, err := c.openFile(&batch[i], maps)
		if err != nil {
			return err
		}
		trees = append(trees, fd)
	}
	return c.session.Boot.HandOver(trees)
}

func (c *creation) openFile(f *plan.File, maps *idmap.Namespaces) (fd int, err error) {
	call := "open"
	switch f.Kind {
	case plan.FileNamespace:
		return process.OpenNamespace(f.Origin, f.Path, f.Flag)
	case plan.FileTree, plan.FileNotify:
		call = "open_tree"
		flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
		if f.Kind == plan.FileTree && (f.Index < 0 || c.in.spec.Mounts[f.Index].Recursive) {
			flags |= unix.AT_RECURSIVE
		}
		if f.Kind == plan.FileTree && f.Index >= 0 && c.in.spec.Mounts[f.Index].SourceNoFollow {
			flags |= unix.AT_SYMLINK_NOFOLLOW
		}
		if fd, err = unix.OpenTree(unix.AT_FDCWD, f.Path, flags); err == nil && c.in.facts.Has(host.MountSetattr) {
			// A copy made here is a peer of the host's mount: what the container mounts on it would show up on the
			// host.
			call = "mount_setattr"
			err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE,
				&unix.MountAttr{Propagation: unix.MS_SLAVE})
		}
		if err == nil && f.Index >= 0 && c.in.spec.Mounts[f.Index].IDMap {
			if err := maps.Apply(&c.in.spec.Mounts[f.Index], fd); err != nil {
				_ = unix.Close(fd)
				return -1, err
			}
		}
	case plan.FileMqueue:
		call = "fsmount"
		fd, err = newMqueue()
	case plan.FileIDMap:
		if fd, err = maps.Of(&c.in.spec.Mounts[f.Index]); err != nil {
			return -1, err
		}
		call = "fcntl"
		fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	case plan.FileCgroup:
		if fd, err = c.cgroup.Dir(); err != nil {
			return -1, err
		}
		call = "fcntl"
		fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	case plan.FileJoin:
		joins, joinErr := c.cgroup.Joins()
		if joinErr != nil {
			return -1, joinErr
		}
		call = "fcntl"
		fd, err = unix.FcntlInt(uintptr(joins[f.Index].FD), unix.F_DUPFD_CLOEXEC, 0)
	case plan.FileSpare:
		fd, err = unix.Open(f.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
	case plan.FileStart:
		return c.listen()
	case plan.FilePidfd, plan.FileBinary:
		panic("libcontainer: " + f.Path + " is for plans that join a container, not for those that make one")
	}
	if err != nil {
		e := diag.Sys(f.Path+" can't be opened", call, err)
		e.Field, e.Hint = f.Origin, diag.Hint(call, e.Errno, f.Origin)
		return -1, e
	}
	return fd, nil
}

// listen makes the socket in the state directory that the boot process accepts `rt start` on.
func (c *creation) listen() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the start socket can't be made", "socket", err)
	}
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: c.container.SocketPath(state.StartSocket)})
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("the start socket can't be made in the state directory", "bind", err)
	}
	return fd, nil
}

// newMqueue returns a detached mount of the message queues of rt's ipc namespace: mq_overview(7), fsopen(2).
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
