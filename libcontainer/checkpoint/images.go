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

// images are the directory of --image-path and that of --work-path, each opened once: what they are called later is
// nobody's matter.
type images struct {
	dir, work int
	logFile   string // as messages call it
	kept      bool   // the log is there afterwards, whatever becomes of the container
}

// workDir is where CRIU works in the state directory of a container, without --work-path.
const workDir = "criu.work"

// openImages opens both directories. With save they are made where they are missing, their parents are not.
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
	if i.kept = work != ""; !i.kept {
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
	// A name that somebody has put there is not written through; the log of an earlier time may go.
	_ = unix.Unlinkat(i.work, name, 0)
	return i, nil
}

// close closes both directories. -1 is none.
func (i *images) close() {
	for _, fd := range [...]*int{&i.dir, &i.work} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
		}
		*fd = -1
	}
}

// openDirectory opens a directory of images or logs. With write CRIU writes there, which follows links and keeps what
// is there: the directory is made if it is missing, and must be root's or the caller's. Without write it must not be
// writable by every user.
func openDirectory(field, path string, write bool) (int, error) {
	if write {
		if err := unix.Mkdir(path, 0o700); err != nil && err != unix.EEXIST {
			return -1, diag.Sys("the directory can't be made", "mkdir", err).At(field, path)
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

// checkTypes makes sure that nothing among the images can make CRIU wait, such as a FIFO.
func checkTypes(dir int, path string) error {
	names, err := os.ReadDir("/proc/self/fd/" + strconv.Itoa(dir))
	if err != nil {
		return &diag.Error{Kind: diag.Kernel, Field: "--image-path", Value: path, Problem: "can't be read", Err: err}
	}
	for _, e := range names {
		if e.Type()&^(os.ModeDir|os.ModeSymlink) != 0 {
			return &diag.Error{
				Kind: diag.Usage, Field: "--image-path", Value: path,
				Problem: "has a file in it that is no image: " + strconv.Quote(e.Name()) + " is not a regular file",
			}
		}
	}
	return nil
}

// failure is the error of a CRIU that was not successful: what it has complained of, and where it says more.
func (i *images) failure(problem string, r *criu.Response, err error) error {
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
	case i.kept:
		e.Hint = "all of its log is in " + i.logFile
	default:
		e.Hint = "with --work-path DIR the log stays in DIR/" + filepath.Base(i.logFile)
	}
	return e
}

// complaints returns the last errors in CRIU's log, on one line. A line of it is "(00.063958) Error
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
	return lastErrors(string(text[:n]), lines)
}

// lastErrors returns the first of the errors that a log ends with, at most so many: CRIU gives up at the first, and the
// others are what follows from it.
func lastErrors(log string, most int) string {
	var found []string
	for line := range strings.Lines(log) {
		_, rest, ok := strings.Cut(line, "Error (")
		if !ok {
			continue
		}
		if where, text, ok := strings.Cut(rest, "): "); ok {
			// Every CRIU without CAP_SYS_RESOURCE says so, and continues.
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
