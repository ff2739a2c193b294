package rootfs

import (
	"bytes"
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

// makeMountPoint makes what a mount point behind links needs, in the root file system that the boot process has handed
// over. It belongs to the root user of the container, as what that makes itself.
func (s *Server) makeMountPoint(r supervise.Report) error {
	defer sys.CloseAll(r.FD)
	step := r.Step
	uid, gid, err := fileIDs(s.session.Boot.Pid)
	if err == nil {
		err = copyup.AsOwner(uid, gid,
			func() error { return sys.MakeInRoot(r.FD, step.Sync.Path, plan.SyncPointOf(step) == plan.SyncMakeDir) })
	}
	if err == nil || err == unix.EACCES && step.Origin == "process.cwd" {
		return nil // a working directory that is closed to root is looked for by the user later
	}
	return diag.Sys("the target of its symbolic links can't be made", "openat2", err).At(step.Origin, step.Sync.Path)
}

// compareLink makes sure that what is at the destination of a mount with copy-symlink says what its source says.
func (s *Server) compareLink(r supervise.Report) error {
	step, dir := r.Step, r.FD
	defer sys.CloseAll(dir)
	want := ""
	for i := range s.links {
		if s.spec.Mounts[i].Field("destination") == step.Origin {
			want = s.links[i]
		}
	}
	var text [unix.PathMax]byte
	n, err := unix.Readlinkat(dir, step.Sync.Path[strings.LastIndexByte(step.Sync.Path, '/')+1:], text[:])
	if err == nil && string(text[:max(n, 0)]) == want {
		return nil
	}
	what := "something else than a symbolic link"
	if err == nil {
		what = "a symbolic link to " + strconv.Quote(string(text[:n]))
	}
	return &diag.Error{
		Kind: diag.Host, Field: step.Origin, Value: step.Sync.Path,
		Problem: "is " + what + " already, and copy-symlink would make a link to " + strconv.Quote(want) +
			" there: remove it, or choose another destination",
	}
}

// fileIDs returns the ids that new files of a process get, as the host calls them: the last ones of Uid and Gid in
// proc_pid_status(5).
func fileIDs(pid int) (uid, gid uint32, err error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0, err
	}
	id := func(key string) uint32 {
		_, rest, _ := bytes.Cut(text, []byte("\n"+key+":"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		fields := bytes.Fields(line)
		if len(fields) != 4 {
			err = unix.EINVAL
			return 0
		}
		n, wrong := strconv.ParseUint(string(fields[3]), 10, 32)
		if wrong != nil {
			err = unix.EINVAL
		}
		return uint32(n)
	}
	uid, gid = id("Uid"), id("Gid")
	return uid, gid, err
}
