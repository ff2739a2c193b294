package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/plan"
)

// homeInside is the home directory of the user that joins, by the passwd that the processes of the container see.
func (x *executor) homeInside() (string, error) {
	if plan.HasHome(x.spec.Process.Env) {
		return "", nil // not asked
	}
	const nowhere = "/"
	uid := x.spec.Process.UID
	root, err := openRoot(x.state.Pid)
	if err != nil {
		return nowhere, nil //nolint:nilerr // it has ended: see initAlive
	}
	defer func() { _ = unix.Close(root) }()
	if isHosts(root, x.spec.Rootfs) {
		file, err := unix.Openat2(root, passwdPath, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV})
		if err == nil {
			defer func() { _ = unix.Close(file) }()
			return homeIn(file, uid), nil
		}
		if err != unix.EXDEV {
			return nowhere, nil //nolint:nilerr // no passwd
		}
	}
	return homeInCopy(-1, root, uid, x.container.Path("."))
}
