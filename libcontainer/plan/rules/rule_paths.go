package rules

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// nothingOpen is rule R1. Close-on-exec is no defence: execve(2) resolves the path of the program, and that of its
// interpreter, while everything is still open, and /proc/self/fd/N/../.. leads from a directory of the host's to any
// other (CVE-2024-21626 and its class).
func nothingOpen(w *Walk, _ int, s *nsenter.Step) string {
	if !w.throughImage(s) && (!s.Forks() || !w.exposes(s)) {
		return ""
	}
	state := w.State
	switch {
	case state.Leaked:
		return "what rt's caller left open may be open"
	case state.Lost != 0:
		return "a descriptor that no register holds any more may be open"
	case !state.Fixed.empty():
		n := state.Fixed.first
		if k := n - w.FirstFD; k < len(w.FDs) {
			return "$" + w.FDs[k] + " may be open"
		}
	case state.Cwd&Host != 0:
		return "the working directory may be one of the host's"
	}
	for r := range state.Regs[:state.Opened+1] {
		if d := &state.Regs[r]; d.Where != 0 && d.Kind != Anonymous {
			return "$" + w.Regs[r] + " may be open"
		}
	}
	return ""
}

// A lookup is the way in which a call resolves a path.
type lookup struct {
	dir, path int  // the indices of the operands; dir is -1 if there is none
	follows   bool // a symbolic link at the end is followed
}

// lookupOf returns how a call resolves its path; ok is false for a call that has none.
func lookupOf(call nsenter.Call) (l lookup, ok bool) {
	switch call {
	case nsenter.Faccessat,
		nsenter.Fchmodat,
		nsenter.Fchownat,
		nsenter.Openat,
		nsenter.Openat2,
		nsenter.OpenTree,
		nsenter.MountSetattr,
		nsenter.Execveat:
		return lookup{0, 1, true}, true
	case nsenter.Mkdirat, nsenter.Mknodat, nsenter.Unlinkat:
		return lookup{0, 1, false}, true
	case nsenter.Symlinkat:
		return lookup{1, 2, false}, true
	case nsenter.MoveMount:
		return lookup{2, 3, true}, true
	case nsenter.Execve, nsenter.Chroot, nsenter.Umount2:
		return lookup{-1, 0, true}, true
	case nsenter.Mount:
		return lookup{-1, 1, true}, true
	}
	return lookup{}, false
}

// throughImage reports whether a step resolves a path of the container's in a way in which a link may lead out of it.
func (w *Walk) throughImage(s *nsenter.Step) bool {
	l, ok := lookupOf(s.Call)
	if !ok {
		return false
	}
	path, _ := s.Args[l.path].Text()
	switch path {
	case "":
		// It looks up nothing but, before the program starts, its interpreter.
		return s.Call == nsenter.Execveat && w.State.Root&Container != 0
	case ".", "/":
		return false
	}
	if !l.follows && plainName(path) || w.noMagicLinks(s) {
		return false
	}
	switch {
	case path[0] == '/':
		return w.State.Root&Container != 0
	case l.dir < 0 || s.Args[l.dir].IsCwd():
		return w.State.Cwd&Container != 0
	}
	return w.State.kindOf(&s.Args[l.dir]) == OfContainer
}

// plainName reports whether a path is one name.
func plainName(path string) bool {
	for i := range len(path) {
		if path[i] == '/' {
			return false
		}
	}
	return path != ".."
}

// noMagicLinks reports whether a step follows no link at all at the end of a single name, or no magic one anywhere.
func (w *Walk) noMagicLinks(s *nsenter.Step) bool {
	flags := func(i int) uint64 {
		n, _ := w.Known(&s.Args[i])
		return n
	}
	path, _ := s.Args[1].Text()
	switch s.Call {
	case nsenter.Openat2:
		how, ok := s.Args[2].Bytes()
		return ok &&
			binary.NativeEndian.Uint64([]byte(how[16:24]))&(unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_SYMLINKS) != 0
	case nsenter.Openat:
		return plainName(path) && flags(2)&unix.O_NOFOLLOW != 0
	case nsenter.Fchownat:
		return plainName(path) && flags(4)&unix.AT_SYMLINK_NOFOLLOW != 0
	}
	return false
}
