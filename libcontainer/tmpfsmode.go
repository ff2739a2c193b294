package libcontainer

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/plan"
	"rt/spec"
)

// lookAtModes notes the modes of the directories that tmpfs mounts without a mode will cover, as far as they are those
// of the image. One that an earlier mount may bring, or reach by a link, is looked at when its turn comes.
func (m *maker) lookAtModes() error {
	last := -1
	for i := range m.spec.Mounts {
		if takesMode(&m.spec.Mounts[i]) {
			last = i
		}
	}
	if last < 0 {
		return nil
	}
	root, err := unix.Open(m.spec.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return diag.Sys("the root file system can't be opened", "open", err)
	}
	defer func() { _ = unix.Close(root) }()
	m.options.Modes = make([]uint32, len(m.spec.Mounts))
	m.options.ModesLater = make([]bool, len(m.spec.Mounts))
	// With a link, or a layer of an earlier container, names say nothing about what covers what.
	later := m.options.Layer != nil && m.options.Layer.Dir != ""
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS}
	for i := range m.spec.Mounts[:last+1] {
		mount := &m.spec.Mounts[i]
		fd, err := unix.Openat2(root, plan.Relative(mount.Destination), &how)
		later = later || err == unix.ELOOP
		switch {
		case !takesMode(mount):
		case later || m.covered(i):
			m.options.ModesLater[i] = true
		case err == nil:
			var st unix.Stat_t
			if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
				m.options.Modes[i] = st.Mode
			}
		}
		if err == nil {
			_ = unix.Close(fd)
		}
	}
	return nil
}

// takesMode reports whether a mount is a tmpfs whose mode is that of the directory which it covers.
func takesMode(mount *spec.Mount) bool {
	return mount.Type == "tmpfs" && !mount.Bind && !mount.Remount && !mount.TmpCopyUp &&
		!strings.Contains(","+mount.Data, ",mode=")
}

// covered reports whether an earlier mount is at the destination of mount i, or above it.
func (m *maker) covered(i int) bool {
	for j := range m.spec.Mounts[:i] {
		if sys.IsBelow(m.spec.Mounts[i].Destination, m.spec.Mounts[j].Destination) {
			return true
		}
	}
	return false
}

// copyMode gives a tmpfs, which the boot process has handed over, the mode of the directory that it will cover.
func copyMode(from, to int) error {
	var st unix.Stat_t
	err := unix.Fstat(from, &st)
	if err == nil {
		err = unix.Chmod("/proc/self/fd/"+strconv.Itoa(to), st.Mode&0o7777)
	}
	if err != nil {
		return diag.Sys("the tmpfs can't be given the mode of the directory that it covers", "fchmodat", err)
	}
	return nil
}
