package libcontainer

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

// makePoint makes what a mount point behind links needs, in the root file system that the boot process has handed over.
// It belongs to the root user of the container, as what that makes itself.
func (m *maker) makePoint(r supervise.Report) error {
	defer sys.CloseAll(r.FD)
	step := r.Step
	uid, gid, err := fileIDs(m.session.Boot.Pid)
	if err == nil {
		err = copyup.AsOwner(uid, gid,
			func() error { return makeInRoot(r.FD, step.Path, plan.SyncPointOf(step) == plan.SyncMakeDir) })
	}
	if err == nil || err == unix.EACCES && step.Origin == "process.cwd" {
		return nil // a working directory that is closed to root is looked for by the user later
	}
	e := diag.Sys("the target of its symbolic links can't be made", "openat2", err)
	e.Field, e.Value = step.Origin, step.Path
	return e
}

// compareLink makes sure that what is at the destination of a mount with copy-symlink says what its source says.
func (m *maker) compareLink(r supervise.Report) error {
	step, dir := r.Step, r.FD
	defer sys.CloseAll(dir)
	want := ""
	for i := range m.options.Links {
		if m.spec.Mounts[i].Field("destination") == step.Origin {
			want = m.options.Links[i]
		}
	}
	var text [unix.PathMax]byte
	n, err := unix.Readlinkat(dir, step.Path[strings.LastIndexByte(step.Path, '/')+1:], text[:])
	if err == nil && string(text[:max(n, 0)]) == want {
		return nil
	}
	what := "something else than a symbolic link"
	if err == nil {
		what = "a symbolic link to " + strconv.Quote(string(text[:n]))
	}
	return &diag.Error{
		Kind: diag.Host, Field: step.Origin, Value: step.Path,
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

// The most links that a path may lead through, as path_resolution(7) has it, and the most names that it may have with
// what they say.
const (
	maxLinks = 40
	maxNames = 4096
)

// makeInRoot makes path below the directory root: a directory, or an empty file, with all directories on the way. Links
// are followed as in a process whose root that directory is, and what they lead to is made too, so that path resolves
// afterwards.
//
// Others may change names meanwhile. Each name is looked up in a directory that was opened from root without any link
// on the way, and is made there: whatever happens, nothing outside of root is touched.
func makeInRoot(root int, path string, dir bool) error {
	todo := names(path)
	var way []string // from root to where we are, without links
	links := 0
	for steps := 0; len(todo) > 0; steps++ {
		if steps > maxNames || len(way) > maxNames {
			return unix.ENAMETOOLONG
		}
		name := todo[0]
		todo = todo[1:]
		if name == ".." {
			way = way[:max(len(way)-1, 0)]
			continue
		}
		text, err := makeName(root, way, name, dir || len(todo) > 0)
		if err != nil {
			return err
		}
		if text == "" {
			way = append(way, name)
			continue
		}
		if links++; links > maxLinks {
			return unix.ELOOP
		}
		if text[0] == '/' {
			way = way[:0]
		}
		todo = append(names(text), todo...)
	}
	return nil
}

// makeName makes one name in the directory that way leads to, unless it is there. It returns what it says if it is a
// symbolic link.
func makeName(root int, way []string, name string, dir bool) (link string, err error) {
	parent, err := unix.Openat2(root, plan.Relative(strings.Join(way, "/")), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(parent) }()
	if dir {
		err = unix.Mkdirat(parent, name, 0o755)
	} else {
		err = unix.Mknodat(parent, name, unix.S_IFREG|0o644, 0)
	}
	if err != unix.EEXIST && err != unix.EROFS {
		return "", err
	}
	made := err
	var text [unix.PathMax]byte
	switch n, err := unix.Readlinkat(parent, name, text[:]); {
	case err == unix.EINVAL:
		return "", nil // no link
	case err == unix.ENOENT:
		return "", made // it is not there, and can't be made
	case err != nil:
		return "", err
	case n <= 0 || n == len(text):
		return "", unix.ENAMETOOLONG
	default:
		return string(text[:n]), nil
	}
}

// names splits a path, without what says nothing.
func names(path string) []string {
	all := strings.Split(path, "/")
	kept := all[:0]
	for _, name := range all {
		if name != "" && name != "." {
			kept = append(kept, name)
		}
	}
	return kept
}
