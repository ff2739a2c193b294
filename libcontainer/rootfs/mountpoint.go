package rootfs

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/copyup"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
)

// makeMountPoint creates the target of a mount point that is a symbolic link, below the root directory that the boot
// process has passed. The owner is the container's root.
func (s *Server) makeMountPoint(r supervise.Report) error {
	defer sys.CloseAll(r.FD)
	step := r.Step
	t := task{name: makeFile, path: step.Sync.Path, from: r.FD, to: -1}
	dir := plan.SyncPointOf(step) == plan.SyncMakeDir
	if dir {
		t.name = makeDirectory
	}
	var err error
	if t.uid, t.gid, err = fileIDs(s.session.Boot.Pid); err == nil {
		if err = unix.EXDEV; sys.InFileSystemOf(r.FD, s.spec.Rootfs) {
			err = copyup.RunAsOwner(t.uid, t.gid, func() error {
				return sys.MakeInRoot(r.FD, t.path, dir, unix.RESOLVE_NO_XDEV)
			})
		}
		if err == unix.EXDEV { // in a mount of the container
			_, err = t.delegate(s.session.Interrupted)
		}
	}
	if err == nil || err == unix.EACCES && step.Origin == "process.cwd" {
		return nil // the user of the process may be able to enter a working directory that root can't enter
	}
	e := inMountError("the target of its symbolic links can't be created", "openat2", err)
	return e.At(step.Origin, step.Sync.Path)
}

// MakeMountPoint creates a missing directory or empty file at path below the directory root, with its parents. Their
// owner is the user of this process. interrupted ends the wait for a file system that does not answer.
func MakeMountPoint(root int, path string, dir bool, interrupted func() error) error {
	err := error(unix.EXDEV)
	if sys.InLocalFileSystem(root) {
		err = sys.MakeInRoot(root, path, dir, unix.RESOLVE_NO_XDEV)
	}
	if err == unix.EXDEV {
		uid, gid := uint32(unix.Geteuid()), uint32(unix.Getegid())
		t := task{name: makeFile, path: path, uid: uid, gid: gid, from: root, to: -1}
		if dir {
			t.name = makeDirectory
		}
		_, err = t.delegate(interrupted)
	}
	return err
}

// inMountError returns the error about a file in a mount of the container, whose server may not have answered.
func inMountError(problem, call string, err error) *diag.Error {
	return diag.SysWithin(problem, call, err, "a mount of the container does not answer: look for its server")
}

// compareLink returns an error if the file at the destination of a mount with copy-symlink is not a link with the text
// of the source.
func (s *Server) compareLink(r supervise.Report) error {
	step := r.Step
	defer sys.CloseAll(r.FD)
	want := ""
	for i := range s.links {
		if s.spec.Mounts[i].Field("destination") == step.Origin {
			want = s.links[i]
		}
	}
	t := task{name: readLink, path: step.Sync.Path[strings.LastIndexByte(step.Sync.Path, '/')+1:], from: r.FD, to: -1}
	text, err := t.delegate(s.session.Interrupted)
	if err == nil && text == want {
		return nil
	}
	what := "something else than a symbolic link"
	switch {
	case err == nil:
		what = "a symbolic link to " + strconv.Quote(text)
	case err != unix.EINVAL && err != unix.ENOENT:
		return inMountError("the existing file can't be read", "readlinkat", err).At(step.Origin, step.Sync.Path)
	}
	return &diag.Error{
		Kind: diag.Host, Field: step.Origin, Value: step.Sync.Path,
		Problem: "is " + what + " already, and copy-symlink would create a link to " + strconv.Quote(want) +
			": remove it, or choose another destination",
	}
}

// fileIDs returns the owner and the group of new files of a process, in rt's user namespace: the last IDs of Uid and
// Gid in proc_pid_status(5).
func fileIDs(pid int) (uid, gid uint32, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0, err
	}
	id := func(key string) uint32 {
		fields := sys.StatusFields(text, key)
		if len(fields) != 4 {
			err = unix.EINVAL
			return 0
		}
		n, wrong := strconv.ParseUint(fields[3], 10, 32)
		if wrong != nil {
			err = unix.EINVAL
		}
		return uint32(n)
	}
	uid, gid = id("Uid"), id("Gid")
	return uid, gid, err
}
