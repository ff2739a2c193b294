package rootfs

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/copyup"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// storeCopySource stores the descriptor of the directory that the next tmpfs covers, for fillTmpfs.
func (s *Server) storeCopySource(r supervise.Report) error {
	sys.CloseAll(s.copyFrom)
	s.copyFrom = r.FD
	return nil
}

// fillTmpfs fills a tmpfs with the option tmpcopyup, which the boot process has passed, from the directory that it has
// passed before. A tmpfs without the option gets only the mode of the directory.
func (s *Server) fillTmpfs(r supervise.Report) error {
	step, from, to := r.Step, s.copyFrom, r.FD
	s.copyFrom = -1
	defer sys.CloseAll(from, to)
	mount := s.mountOf(step)
	if mount == nil || from < 0 || to < 0 {
		return &diag.Error{
			Kind: diag.Kernel, Field: step.Origin,
			Problem: "the boot process has not passed the directory or the tmpfs",
		}
	}
	if !mount.TmpCopyUp {
		return copyMode(from, to)
	}
	err := s.copyTree(from, to, hasOption(mount.Data, "mode"))
	if err != nil {
		e := inMountError("the covered directory can't be copied", "read", err).At(step.Origin, "tmpcopyup")
		e.Problem = mount.Destination + ": " + e.Problem
		if e.Errno == unix.ENOSPC {
			e.Hint = "the tmpfs is too small for the contents of the directory: see its options size and nr_inodes"
		}
		return e
	}
	return nil
}

// copyTree copies a directory into a tmpfs. A helper copies a directory that is not in the mount of root.path, or has
// another mount in it.
func (s *Server) copyTree(from, to int, keepMode bool) error {
	if sys.InFileSystemOf(from, s.spec.Rootfs) {
		err := copyup.Copy(from, to, copyup.Options{KeepMode: keepMode, OneMount: true})
		if !errors.Is(err, unix.EXDEV) {
			return err
		}
		if err := emptyTmpfs(to); err != nil {
			return err
		}
	}
	t := task{name: fill, from: from, to: to, keepMode: keepMode}
	_, err := t.delegate(s.session.Interrupted)
	return err
}

// emptyTmpfs removes the contents of a tmpfs that is not attached yet.
func emptyTmpfs(tmpfs int) error {
	dir := "/proc/self/fd/" + strconv.Itoa(tmpfs)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if err == nil {
			err = os.RemoveAll(dir + "/" + e.Name())
		}
	}
	return err
}

// mountOf returns the mount whose options are the origin of a step, or nil.
func (s *Server) mountOf(step *nsenter.Step) *spec.Mount {
	for i := range s.spec.Mounts {
		if mount := &s.spec.Mounts[i]; step.Origin == mount.Field("options") {
			return mount
		}
	}
	return nil
}

// hasOption reports whether options of a file system, as mount(2) takes them, have a value for key.
func hasOption(options, key string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if name, _, ok := strings.Cut(option, "="); ok && name == key {
			return true
		}
	}
	return false
}

// copyMode sets the mode of a tmpfs to that of the directory that it will cover.
func copyMode(from, to int) error {
	st, err := sys.StatCached(from)
	if err == nil {
		err = unix.Chmod("/proc/self/fd/"+strconv.Itoa(to), st.Mode&0o7777)
	}
	if err != nil {
		return diag.Sys("the tmpfs can't be given the mode of the directory that it covers", "fchmodat", err)
	}
	return nil
}
