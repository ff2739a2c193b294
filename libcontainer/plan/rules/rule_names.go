package rules

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// namesOnce is rule R5. A second look-up of a path may find another file: a file in a container is changed through the
// descriptor with which it was found or made.
//
// Calls that change a file take no path of the container's, except "." where the working directory was opened, and "/".
// Nor do they take a descriptor that was looked up by a path at which the plan has attached a mount before: that mount
// has a descriptor of its own. There is one exception: mknodat(2) returns no descriptor of the node that it makes.
func namesOnce(w *Walk, i int, s *nsenter.Step) string {
	const byName, again = "it changes what a path of the container's leads to now, and not what was opened",
		"it changes what a second look-up of a path has found"
	dir, path := -1, 0
	// a mount that is there; not so one that is put over it, nor a node that was looked at by its descriptor
	changes := true
	switch s.Call {
	case nsenter.Umount2:
	case nsenter.Mount:
		path = 1
		changes = w.alters(s)
	case nsenter.MoveMount:
		dir, path, changes = 2, 3, false
	case nsenter.MountSetattr:
		dir, path = 0, 1
	case nsenter.Fchmodat, nsenter.Fchownat:
		dir, path, changes = 0, 1, false
	default:
		return ""
	}
	state := w.State
	switch name, _ := s.Args[path].Text(); {
	case name == "" && dir < 0: // not known: no text of the plan
		return byName
	case name == "":
		if r, ok := s.Args[dir].Reg(); ok && changes && state.Regs[r].Again {
			return again
		}
	case name == ".":
		if changes && state.CwdAgain && (dir < 0 || s.Args[dir].IsCwd()) {
			return again
		}
	case name == "/":
	case ownDescriptor(name) && state.Root&Container == 0:
		if changes && state.DupAgain {
			return again
		}
	case !w.inContainer(s, dir, name):
	case s.Call == nsenter.Fchownat && plainName(name) && w.noMagicLinks(s) && w.madeHere(i, name):
	default:
		return byName
	}
	return ""
}

// alters reports whether a mount(2) changes a mount that is there.
func (w *Walk) alters(s *nsenter.Step) bool {
	const flags = unix.MS_REMOUNT | unix.MS_SHARED | unix.MS_SLAVE | unix.MS_PRIVATE | unix.MS_UNBINDABLE
	has, known := w.Known(&s.Args[3])
	return !known || has&flags != 0
}

// ownDescriptor reports whether name is that of a descriptor in the /proc of the process that looks it up.
func ownDescriptor(name string) bool {
	const dir = "/proc/self/fd/"
	return len(name) > len(dir) && name[:len(dir)] == dir && plainName(name[len(dir):])
}

// inContainer reports whether name, which is no descriptor, may lead to a file of the container: from its root, from a
// directory in it, or by a path of the host's below its root file system.
func (w *Walk) inContainer(s *nsenter.Step, dir int, name string) bool {
	switch {
	case name[0] == '/':
		return w.State.Root&Container != 0 ||
			w.Rootfs != "" && w.Rootfs != "/" && len(name) > len(w.Rootfs) && name[:len(w.Rootfs)+1] == w.Rootfs+"/"
	case dir < 0 || s.Args[dir].IsCwd():
		return w.State.Cwd&Container != 0
	}
	return w.State.kindOf(&s.Args[dir]) == OfContainer
}

// madeHere reports whether one of the steps right before step i has made the node with that name.
func (w *Walk) madeHere(i int, name string) bool {
	const near = 3
	for k := i - 1; k >= max(0, i-near); k-- {
		if s := &w.Steps[k]; s.Call == nsenter.Mknodat {
			made, _ := s.Args[1].Text()
			return made == name
		}
	}
	return false
}

// recordLookup records the path by which a step has found the file in register r.
func (s *State) recordLookup(w *Walk, step *nsenter.Step) {
	d := &s.Regs[step.To]
	d.Lookup, d.Again = 0, false
	// From another directory than the root a path is another one.
	if path, _ := step.Args[1].Text(); d.Kind == OfContainer && path != "" && path != "." && w.fromRoot(step) {
		d.Lookup = int32(w.at + 1)
		d.Again = w.isAttached(path)
	}
}

// fromRoot reports whether a step looks its path up from the root of the container.
func (w *Walk) fromRoot(step *nsenter.Step) bool {
	r, ok := step.Args[0].Reg()
	return ok && w.Regs[r] == rootRegister
}

// isAttached reports whether the plan may have attached a mount at path that no later one hides.
func (w *Walk) isAttached(path string) bool {
	_, itself := w.mounted.Above(path)
	return itself
}

// recordAttached records that a mount covers the file that was found by that look-up. It hides mounts below the path:
// the path then leads elsewhere.
func (w *Walk) recordAttached(lookup int32) {
	if lookup == 0 {
		return
	}
	path, _ := w.Steps[lookup-1].Args[1].Text()
	w.mounted.Add(path, w.at)
}
