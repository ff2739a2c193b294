package rules

import (
	"encoding/binary"
	"strings"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// restrictsHostMounts is rule R2. A bind mount of the config is as the config has it, and so are the root file system
// and the layers over it. Any other copy of the host's mounts must be restricted before it is attached or, if the
// kernel can't do that, by the next call that involves a mount: mount(2) with MS_REMOUNT|MS_BIND on the path of the
// descriptor in /proc/self/fd, whose number dup3(2) has set.
func restrictsHostMounts(w *Walk, i int, s *nsenter.Step) string {
	if s.Call != nsenter.MoveMount {
		return ""
	}
	r, ok := s.Args[0].Reg()
	if !ok || !w.State.Regs[r].Bare || w.remountedNext(i, r) {
		return ""
	}
	return "it attaches a mount of the host's that can be changed"
}

// remountedNext reports whether the two steps behind step i restrict the mount in register r.
func (w *Walk) remountedNext(i int, r nsenter.Reg) bool {
	const wanted = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_REMOUNT | unix.MS_BIND
	if i+2 >= len(w.Steps) || int(w.Steps[i].Then) > i+1 || w.Steps[i].Errnos.Any() {
		return false
	}
	dup, mount := &w.Steps[i+1], &w.Steps[i+2]
	if dup.Call != nsenter.Dup3 || mount.Call != nsenter.Mount || dup.Errnos.Any() || mount.Errnos.Any() {
		return false
	}
	source, ok := dup.Args[0].Reg()
	flags, _ := w.Known(&mount.Args[3])
	return ok && source == r && flags&wanted == wanted
}

// copiesBare reports whether the step makes a copy of a mount of the host's that the config does not ask for.
func (s *State) copiesBare(w *Walk, step *nsenter.Step) bool {
	if step.Call != nsenter.OpenTree || isAskedFor(step.Origin) {
		return false
	}
	if r, ok := step.Args[0].Reg(); ok && s.Regs[r].Kind == HostMount {
		return s.Regs[r].Bare
	}
	return s.found(w, step) == HostMount
}

// isAskedFor reports whether the origin of a step is a mount of the config, a path in the container, the root file
// system, or an option for a layer.
func isAskedFor(origin string) bool {
	return strings.HasPrefix(origin, "mounts[") || strings.HasPrefix(origin, "linux.readonlyPaths[") ||
		strings.HasPrefix(origin, "root.") ||
		strings.HasPrefix(origin, "--")
}

// applySetattr updates s for a mount_setattr(2) that forbids changes of inodes.
func (s *State) applySetattr(step *nsenter.Step) {
	const wanted = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
	r, ok := step.Args[0].Reg()
	data, known := step.Args[3].Bytes()
	if ok && known && len(data) >= 8 && binary.NativeEndian.Uint64([]byte(data[:8]))&wanted == wanted {
		s.Regs[r].Bare = false
	}
}
