package inspect

import (
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/hostpath"
	"rt/libcontainer/plan"
	"rt/spec"
)

// readModes reads the modes of the directories of the image that are covered by tmpfs mounts without a mode:
// plan.Options.Modes and ModesLater. The boot process examines a directory later, when it mounts the tmpfs, if an
// earlier mount may cover it, if its path has a symbolic link, or if it is in another mount than root.path, which may
// have a server that does not answer. With later, and if root.path is in a file system with a server, that is so for
// all. Both results are nil if no mount needs a mode.
func readModes(s *spec.Spec, later bool) (modes []uint32, laters []bool, err error) {
	last := -1
	for i := range s.Mounts {
		if takesMode(&s.Mounts[i]) {
			last = i
		}
	}
	if last < 0 {
		return nil, nil, nil
	}
	root, err := hostpath.Open(s.Rootfs, unix.O_DIRECTORY)
	if err != nil {
		return nil, nil, hostpath.LookUpError("the root file system can't be opened", "openat2", err)
	}
	defer func() { _ = unix.Close(root) }()
	modes, laters = make([]uint32, len(s.Mounts)), make([]bool, len(s.Mounts))
	if later = later || !sys.InLocalFileSystem(root); later {
		for i := range s.Mounts[:last+1] {
			laters[i] = takesMode(&s.Mounts[i])
		}
		return modes, laters, nil
	}
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	earlier := make(sys.Latest, last+1)
	for i := range s.Mounts[:last+1] {
		m := &s.Mounts[i]
		fd, err := unix.Openat2(root, plan.Relative(m.Destination), &how)
		later = later || err == unix.ELOOP // after a link, paths do not tell which mounts cover others
		switch {
		case !takesMode(m):
		case later || err == unix.EXDEV || isCovered(earlier, m):
			laters[i] = true
		case err == nil:
			modes[i] = directoryMode(fd)
		}
		if err == nil {
			_ = unix.Close(fd)
		}
		earlier.Add(m.Destination, i)
	}
	return modes, laters, nil
}

// directoryMode returns the mode of a directory; 0 if fd is something else.
func directoryMode(fd int) uint32 {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0
	}
	return st.Mode
}

// takesMode reports whether a mount is a tmpfs whose mode is that of the directory which it covers.
func takesMode(m *spec.Mount) bool {
	return m.Type == "tmpfs" && !m.Bind && !m.Remount && !m.TmpCopyUp && !strings.Contains(","+m.Data, ",mode=")
}

// isCovered reports whether an earlier mount is at the destination of m, or above it.
func isCovered(earlier sys.Latest, m *spec.Mount) bool {
	i, _ := earlier.Above(m.Destination)
	return i >= 0
}
