package checkpoint

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/criu"
	"rt/libcontainer/state"
)

// images are the directories of --image-path and --work-path. Each is opened once: a directory that is renamed or
// replaced later has no effect.
type images struct {
	dir, work int    // descriptors; -1 if not open
	logFile   string // the path of CRIU's log, for messages
	lasting   bool   // the log is in --work-path, and remains after the container
}

// workDir is the working directory of CRIU without --work-path, in the container's directory.
const workDir = "criu.work"

// openImages opens both directories. It creates a missing working directory, and with save a missing image directory,
// but not their parents.
func openImages(o *ImageOptions, c *state.Container, save bool) (i images, err error) {
	i = images{dir: -1, work: -1}
	path := o.ImagePath
	if path == "" {
		path = DefaultImages
	}
	if i.dir, err = openDirectory("--image-path", path, save); err != nil {
		return i, err
	}
	name := "restore.log"
	if save {
		name = "dump.log"
	}
	work := o.WorkPath
	field := "--work-path"
	if i.lasting = work != ""; !i.lasting {
		work, field = c.Path(workDir), ""
	}
	if i.work, err = openDirectory(field, work, true); err != nil {
		i.close()
		return images{dir: -1, work: -1}, err
	}
	if i.logFile, err = filepath.Abs(work); err != nil {
		i.logFile = work
	}
	i.logFile += "/" + name
	// CRIU must not write through a link. The log of an earlier call is replaced.
	_ = unix.Unlinkat(i.work, name, 0)
	return i, nil
}

// close closes both directories.
func (i *images) close() {
	for _, fd := range [...]*int{&i.dir, &i.work} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
		}
		*fd = -1
	}
}

// openDirectory opens a directory of images or logs. With write it creates a missing one, which must belong to root or
// to the caller: CRIU follows links in it, and opens existing files. Without write it must not be writable by everyone.
func openDirectory(field, path string, write bool) (int, error) {
	if write {
		if err := unix.Mkdir(path, 0o700); err != nil && err != unix.EEXIST {
			return -1, diag.Sys("the directory can't be created", "mkdir", err).At(field, path)
		}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("the directory can't be opened", "open", err).At(field, path)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return -1, diag.Sys("the directory can't be examined", "fstat", err).At(field, path)
	}
	if !write {
		st.Uid, st.Mode = 0, st.Mode&^0o020
	}
	if problem := sys.Distrust(&st, unix.S_IFDIR); problem != "" {
		_ = unix.Close(fd)
		return -1, &diag.Error{
			Kind: diag.Usage, Field: field, Value: path, Problem: problem,
			Hint: "the images decide what a restored container may do: use a directory that only root can write to",
		}
	}
	return fd, nil
}

// checkTypes returns an error if a file among the images could make CRIU wait, such as a FIFO.
func checkTypes(dir int, path string) error {
	names, err := os.ReadDir("/proc/self/fd/" + strconv.Itoa(dir))
	if err != nil {
		return &diag.Error{Kind: diag.Kernel, Field: "--image-path", Value: path, Problem: "can't be read", Err: err}
	}
	for _, e := range names {
		if e.Type()&^(os.ModeDir|os.ModeSymlink) != 0 {
			return &diag.Error{
				Kind: diag.Usage, Field: "--image-path", Value: path,
				Problem: "contains a file that is no image: " + strconv.Quote(e.Name()) + " is not a regular file",
			}
		}
	}
	return nil
}

// explain returns the error about an unsuccessful CRIU: with the errors in its log, and a hint where the log is.
func (i *images) explain(problem string, r *criu.Response, err error) error {
	e := &diag.Error{Kind: diag.Host, Problem: problem, Err: err}
	complaints := i.complaints()
	switch {
	case err != nil && complaints != "":
		e.Problem += ", and criu complains: " + complaints
	case complaints != "":
		e.Problem += ": criu complains: " + complaints
	case r.Message != "":
		e.Problem += ": criu complains: " + strings.TrimSpace(r.Message)
	case r.Errno != 0:
		e.Errno = unix.Errno(r.Errno)
	case err == nil:
		e.Problem += ": criu does not say why"
	}
	switch {
	case unix.Faccessat(i.work, filepath.Base(i.logFile), unix.F_OK, 0) != nil:
		e.Hint = "try `criu check`"
	case i.lasting:
		e.Hint = "the whole log is in " + i.logFile
	default:
		e.Hint = "with --work-path DIR the log is kept in DIR/" + filepath.Base(i.logFile)
	}
	return e
}

// complaints returns the first errors in the end of CRIU's log, on one line. A line of the log is "(00.063958) Error
// (criu/files-reg.c:1790): Can't ...".
func (i *images) complaints() string {
	const most, lines = 256 << 10, 3
	fd, err := unix.Openat(i.work, filepath.Base(i.logFile),
		unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = unix.Close(fd) }()
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return ""
	}
	text := make([]byte, min(st.Size, most))
	n, err := unix.Pread(fd, text, max(st.Size-most, 0))
	if err != nil || n < 0 {
		return ""
	}
	return firstErrors(string(text[:n]), lines)
}

// firstErrors returns the first errors of a log, at most most of them. CRIU gives up at the first one, which causes the
// others.
func firstErrors(log string, most int) string {
	var found []string
	for line := range strings.Lines(log) {
		_, rest, ok := strings.Cut(line, "Error (")
		if !ok {
			continue
		}
		if where, text, ok := strings.Cut(rest, "): "); ok {
			// Without CAP_SYS_RESOURCE each CRIU reports an error about rlimits, and continues.
			if text = strings.TrimSpace(text); strings.HasPrefix(text, "rlimit:") || text == "Dumping FAILED." ||
				text == "Restoring FAILED." {
				continue
			}
			found = append(found, text+" ("+where+")")
		}
	}
	if len(found) > most {
		found = found[:most]
	}
	return strings.Join(found, "; ")
}
