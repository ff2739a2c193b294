package rootfs

import (
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/plan"
	"rt/spec"
)

// LookUpHome returns the home directory of a joining process's user in the container's passwd; "/" if passwd does not
// have the user, and "" if the environment has HOME.
func (in Inside) LookUpHome(p *spec.Process) (string, error) {
	if plan.HasHome(p.Env) {
		return "", nil
	}
	const nowhere = "/"
	uid := p.UID
	root, err := openRoot(in.Pid)
	if err != nil {
		return nowhere, nil //nolint:nilerr // the process has ended
	}
	defer func() { _ = unix.Close(root) }()
	if sys.InFileSystemOf(root, in.Rootfs) {
		file, err := unix.Openat2(root, passwdPath, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
		})
		if err == nil {
			defer func() { _ = unix.Close(file) }()
			return homeIn(file, uid), nil
		}
		if err != unix.EXDEV {
			return nowhere, nil //nolint:nilerr // no passwd
		}
	}
	return homeInCopy(-1, root, uid, in.Dir)
}
