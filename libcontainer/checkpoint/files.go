package checkpoint

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/jsonscan"
	"rt/internal/sys"
	"rt/libcontainer/criu"
	"rt/libcontainer/mounttable"
)

// descriptorsFile says in the images what the standard streams of the container were, so that the restored ones replace
// them: a JSON array of three names as in /proc/PID/fd, which is runc's format. After those rt writes the other files
// of the host that were open: "null:KEY" for its /dev/null.
const descriptorsFile = "descriptors.json"

// descriptors are what the processes of a container have open of the host's.
type descriptors struct {
	// pipes, sockets, terminals, files of the container by their names; files of the host by CRIU's key for them
	streams [3]string
	null    []string // the keys that /dev/null of the host goes by
}

// nullPrefix is before a key in descriptorsFile that stands for /dev/null.
const nullPrefix = "null:"

// external returns the files of the host, as criu_opts has them.
func (d *descriptors) external() []string {
	list := slices.Clone(d.null)
	for _, s := range d.streams {
		if strings.HasPrefix(s, "file[") && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// openDescriptors examines what the container has open. A file of the host is one on a mount that the container does
// not have: what was given to it as a standard stream. CRIU can't save those, but leave them out by the keys that it is
// told.
func (d *dump) openDescriptors() (*descriptors, error) {
	table, err := mounttable.Read(d.State.Pid)
	if err != nil {
		return nil, err
	}
	own := make(map[int]bool, len(table))
	for _, m := range table {
		own[m.ID] = true
	}
	pids := []int{d.State.Pid}
	if d.Cgroup.Available() {
		if all, err := d.Cgroup.Pids(); err == nil {
			pids = append(pids, slices.DeleteFunc(all, func(pid int) bool { return pid == d.State.Pid })...)
		}
	}
	open := &descriptors{}
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid)
		entries, err := os.ReadDir(dir + "/fd")
		if err != nil {
			continue // it has ended
		}
		for _, e := range entries {
			open.examine(dir, e.Name(), pid == d.State.Pid, own)
		}
	}
	return open, nil
}

// examine notes one descriptor: it is of the container's first process, or not.
func (d *descriptors) examine(dir, name string, first bool, own map[int]bool) {
	number, err := strconv.Atoi(name)
	if err != nil {
		return
	}
	target, err := os.Readlink(dir + "/fd/" + name)
	if err != nil {
		return
	}
	stream := first && number < len(d.streams)
	if stream {
		d.streams[number] = target
	}
	if !strings.HasPrefix(target, "/") {
		return
	}
	mount := mountIn(dir + "/fdinfo/" + name)
	if mount < 0 || own[mount] {
		return
	}
	// It may be a file of a namespace in the container, whose file system answers nobody.
	st, err := mounttable.StatNoSync(unix.AT_FDCWD, dir+"/fd/"+name, 0)
	if err != nil {
		return
	}
	key := "file[" + strconv.FormatInt(int64(mount), 16) + ":" + strconv.FormatUint(st.Ino, 16) + "]"
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == 1 && st.Rdev_minor == 3:
		if !slices.Contains(d.null, key) {
			d.null = append(d.null, key)
		}
	case stream && st.Mode&unix.S_IFMT == unix.S_IFREG:
		d.streams[number] = key
	}
}

// saveDescriptors writes descriptorsFile.
func (i *images) saveDescriptors(d *descriptors) error {
	text := []byte{'['}
	for n, s := range append(d.streams[:], d.null...) {
		if n > 0 {
			text = append(text, ',')
		}
		if n >= len(d.streams) {
			s = nullPrefix + s
		}
		text = jsonscan.AppendString(text, s)
	}
	text = append(text, ']')
	fd, err := sys.Rewrite(i.dir, descriptorsFile, 0o600)
	if err == nil {
		_, err = unix.Write(fd, text)
		_ = unix.Close(fd)
	}
	if err != nil {
		e := diag.Sys(descriptorsFile+" can't be written", "openat", err)
		e.Field = "--image-path"
		return e
	}
	return nil
}

// loadDescriptors reads descriptorsFile. Images without one, of another program, have no streams to be taken over.
func (i *images) loadDescriptors() (*descriptors, error) {
	d := &descriptors{}
	fd, err := unix.Openat(i.dir, descriptorsFile, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err == unix.ENOENT {
		return d, nil
	}
	var text []byte
	if err == nil {
		text, err = sys.ReadSmall(fd, 1<<20)
		_ = unix.Close(fd)
	}
	var list []string
	sc := jsonscan.New(string(text))
	jsonscan.Strings(sc, &list)
	sc.End()
	if err != nil || sc.Err() != nil || len(sc.Problems) > 0 {
		return nil, &diag.Error{
			Kind: diag.Usage, Field: "--image-path", Problem: descriptorsFile +
				" must be an array of strings: the file names of the standard streams",
			Hint: "the images were not made by rt or runc, or are damaged",
		}
	}
	for n, s := range list {
		if n < len(d.streams) {
			d.streams[n] = s
		} else if key, ok := strings.CutPrefix(s, nullPrefix); ok {
			d.null = append(d.null, key)
		}
	}
	return d, nil
}

// inherit tells CRIU what replaces the streams: rt's own, which CRIU has too. null is CRIU's number of the host's
// /dev/null.
func (d *descriptors) inherit(r *criu.Options, null int) error {
	for fd, key := range d.streams {
		file := strings.HasPrefix(key, "file[")
		if file {
			var st unix.Stat_t
			if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
				return &diag.Error{
					Kind: diag.Usage, Problem: "standard " + [...]string{"input", "output", "error"}[fd] +
						" of the container was a file of the host, where programs may seek, " +
						"so that of rt must be a file too",
					Hint: "redirect it to a file",
				}
			}
			// It need not be the same file, nor have the same mode.
			r.SkipModeCheck = true
		}
		if file || strings.HasPrefix(key, "pipe:[") {
			r.Inherit = append(r.Inherit, criu.Inherited{Key: key, FD: fd})
		}
	}
	for _, key := range d.null {
		r.Inherit = append(r.Inherit, criu.Inherited{Key: key, FD: null})
	}
	return nil
}
