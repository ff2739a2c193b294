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

// keepSource keeps the directory that the next tmpfs covers until the boot process passes the tmpfs.
func (s *Server) keepSource(r supervise.Report) error {
	sys.CloseAll(s.copyFrom)
	s.copyFrom = r.FD
	return nil
}

// fillTmpfs fills the tmpfs of a mount with the option tmpcopyup, which the boot process has passed as to, from
// the directory that it passed before. One without that option takes the mode of the directory.
func (s *Server) fillTmpfs(r supervise.Report) error {
	step, from, to := r.Step, s.copyFrom, r.FD
	s.copyFrom = -1
	defer sys.CloseAll(from, to)
	mount := s.mountOf(step)
	if mount == nil || from < 0 || to < 0 {
		return &diag.Error{
			Kind: diag.Kernel, Field: step.Origin,
			Problem: "the boot process did not pass what is to be copied",
		}
	}
	if !mount.TmpCopyUp {
		return copyMode(from, to)
	}
	err := s.copyTree(from, to, hasOption(mount.Data, "mode"))
	if err != nil {
		e := inMountError("what it covers can't be copied", "read", err).At(step.Origin, "tmpcopyup")
		e.Problem = mount.Destination + ": " + e.Problem
		if e.Errno == unix.ENOSPC {
			e.Hint = "the tmpfs is too small for what the image has there: see its options size and nr_inodes"
		}
		return e
	}
	return nil
}

// copyTree copies a directory into a tmpfs: what is in the mount of root.path itself, and the rest by a helper.
func (s *Server) copyTree(from, to int, keepMode bool) error {
	if sys.InFileSystemOf(from, s.spec.Rootfs) {
		err := copyup.Copy(from, to, copyup.Options{KeepMode: keepMode, OneMount: true})
		if !errors.Is(err, unix.EXDEV) {
			return err
		}
		if err := empty(to); err != nil {
			return err
		}
	}
	t := task{name: fill, from: from, to: to, keepMode: keepMode}
	_, err := t.delegate(s.session.Interrupted)
	return err
}

// empty removes the contents of a tmpfs that is not attached yet.
func empty(tmpfs int) error {
	dir := "/proc/self/fd/" + strconv.Itoa(tmpfs)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if err == nil {
			err = os.RemoveAll(dir + "/" + e.Name())
		}
	}
	return err
}

// mountOf returns the mount whose options a step is about, or nil.
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

// copyMode gives a tmpfs, which the boot process has passed, the mode of the directory that it will cover.
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
