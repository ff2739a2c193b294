package state

import "time"

// AppendOCI appends the object that `rt state` and `rt list --format json` print, with runc's names, order and white
// space: CRI-O, buildah, buildkit and go-runc decode it (rootfs, created and owner are not in the specification). owner
// is "" for state and a user name for list. A stopped container has pid 0.
func AppendOCI(dst []byte, s *State, status Status, owner string, pretty bool) []byte {
	w := object{dst: dst}
	if pretty {
		w.indent = "  "
	}
	pid := s.Pid
	if status == Stopped {
		pid = 0
	}
	w.open()
	w.text("ociVersion", s.OCIVersion)
	w.text("id", s.ID)
	w.number("pid", uint64(pid))
	w.text("status", string(status))
	w.text("bundle", s.Bundle)
	w.text("rootfs", s.Rootfs)
	w.text("created", s.Created.UTC().Format(time.RFC3339Nano))
	w.texts("annotations", s.Annotations)
	w.text("owner", owner)
	w.close()
	return w.dst
}

// AppendProcess appends the state that a seccomp agent gets with its listener: config-linux.md#containerprocessstate.
// pid is the process whose calls it will answer: the container's init or one of exec.
func AppendProcess(dst []byte, s *State, status Status, pid int, metadata string) []byte {
	w := object{dst: dst}
	w.open()
	w.text("ociVersion", s.OCIVersion)
	w.name("fds")
	w.dst = append(w.dst, `["seccompFd"]`...)
	w.number("pid", uint64(pid))
	if metadata != "" {
		w.text("metadata", metadata)
	}
	w.name("state")
	w.dst = AppendHook(w.dst, s, status)
	w.close()
	return w.dst
}

// AppendHook appends the state that hooks read from stdin: exactly what the specification names (runtime.md#state). pid
// is left out while there is no process.
func AppendHook(dst []byte, s *State, status Status) []byte {
	w := object{dst: dst}
	w.open()
	w.text("ociVersion", s.OCIVersion)
	w.text("id", s.ID)
	w.text("status", string(status))
	if s.Pid > 0 && status != Stopped {
		w.number("pid", uint64(s.Pid))
	}
	w.text("bundle", s.Bundle)
	w.texts("annotations", s.Annotations)
	w.close()
	return w.dst
}
