package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// The paths in the container of the socket on which it tells the service manager that it is ready: sd_notify(3). They
// are those of the other runtimes.
const (
	NotifyDir    = "/run/notify"
	NotifySocket = "notify.sock"
)

// notifyOrigin is the origin of the mount: no field of the config, but an environment variable of rt.
const notifyOrigin = "NOTIFY_SOCKET"

// compileNotify compiles the mount of the directory with that socket. The directory is mounted, since the socket is
// made later, by `rt start`. It contains nothing else: all that the container gets of the host is a socket to send
// messages to.
func (c bindMounts) compileNotify() error {
	if c.opt.Notify == "" {
		return nil
	}
	if fd, ok := c.findFile(func(f *File) bool { return f.Kind == FileNotify }); ok {
		c.call(notifyOrigin, "use rt's clone of "+c.opt.Notify, nsenter.Fcntl, nsenter.Num(fd),
			nsenter.Flags(&nsenter.FcntlCommands, unix.F_DUPFD_CLOEXEC), nsenter.Imm(0)).into(regTree)
	} else {
		c.call(notifyOrigin, "clone the mount", nsenter.OpenTree, nsenter.Cwd, nsenter.Str(c.opt.Notify),
			nsenter.Flags(&nsenter.OpenTreeFlags, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).into(regTree)
	}
	c.attachClone(&spec.Mount{
		Index: notInConfig, Destination: NotifyDir, Bind: true,
		AttrSet: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
	}, SourceDir)
	return nil
}
