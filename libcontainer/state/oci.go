package state

import "time"

// AppendOCI appends the object that `rt state` and `rt list --format json` print, with runc's names, order and white
// space: CRI-O, buildah, buildkit and go-runc decode it (rootfs, created and owner are not in the specification). owner
// is "" for state and a user name for list. A stopped container has pid 0.
func AppendOCI(dst []byte, s *State, status Status, owner string, pretty bool) []byte {
	w := objectWriter{dst: dst}
	if pretty {
		w.indent = "  "
	}
	pid := s.Pid
	if status == Stopped {
		pid = 0
	}
	w.beginObject()
	w.writeText("ociVersion", s.OCIVersion)
	w.writeText("id", s.ID)
	w.writeNumber("pid", uint64(pid))
	w.writeText("status", string(status))
	w.writeText("bundle", s.Bundle)
	w.writeText("rootfs", s.Rootfs)
	w.writeText("created", s.Created.UTC().Format(time.RFC3339Nano))
	w.writeMap("annotations", s.Annotations)
	w.writeText("owner", owner)
	w.endObject()
	return w.dst
}

// AppendProcess appends the state that a seccomp agent gets with its listener: config-linux.md#containerprocessstate.
// pid is the process whose calls it will answer: the container's init or one of exec.
func AppendProcess(dst []byte, s *State, status Status, pid int, metadata string) []byte {
	w := objectWriter{dst: dst}
	w.beginObject()
	w.writeText("ociVersion", s.OCIVersion)
	w.writeName("fds")
	w.dst = append(w.dst, `["seccompFd"]`...)
	w.writeNumber("pid", uint64(pid))
	if metadata != "" {
		w.writeText("metadata", metadata)
	}
	w.writeName("state")
	w.dst = AppendHook(w.dst, s, status)
	w.endObject()
	return w.dst
}

// AppendHook appends the state that hooks read from stdin: exactly what the specification names (runtime.md#state). pid
// is left out while there is no process.
func AppendHook(dst []byte, s *State, status Status) []byte {
	w := objectWriter{dst: dst}
	w.beginObject()
	w.writeText("ociVersion", s.OCIVersion)
	w.writeText("id", s.ID)
	w.writeText("status", string(status))
	if s.Pid > 0 && status != Stopped {
		w.writeNumber("pid", uint64(s.Pid))
	}
	w.writeText("bundle", s.Bundle)
	w.writeMap("annotations", s.Annotations)
	w.endObject()
	return w.dst
}
