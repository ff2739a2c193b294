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

// descriptorsFile is a JSON array in the images, in runc's format: the standard streams of the container, by their
// names in /proc/PID/fd. At the restore other streams replace them. rt appends "null:KEY" for each KEY of the host's
// /dev/null.
const descriptorsFile = "descriptors.json"

// descriptors are the standard streams of a container, and the files of the host that its processes have open. CRIU
// identifies a file of the host by a key: "file[MOUNT:INODE]".
type descriptors struct {
	streams [3]string // the names in /proc/PID/fd, or the keys of files of the host
	null    []string  // the keys of the host's /dev/null: one for each mount that shows it
}

// nullPrefix precedes the keys of /dev/null in descriptorsFile.
const nullPrefix = "null:"

// externalKeys returns the keys of the files of the host, for --external of criu(8).
func (d *descriptors) externalKeys() []string {
	list := slices.Clone(d.null)
	for _, s := range d.streams {
		if strings.HasPrefix(s, "file[") && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// openDescriptors examines the descriptors of the container's processes. A file on a mount that the container does not
// have is one of the host, for example a standard stream. CRIU can't save these, and leaves out those whose keys it is
// given.
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
			open.add(dir, e.Name(), pid == d.State.Pid, own)
		}
	}
	return open, nil
}

// add adds a descriptor of the process with the directory dir in /proc. init says that it is the container's init. own
// has the IDs of the container's mounts.
func (d *descriptors) add(dir, name string, init bool, own map[int]bool) {
	number, err := strconv.Atoi(name)
	if err != nil {
		return
	}
	target, err := os.Readlink(dir + "/fd/" + name)
	if err != nil {
		return
	}
	stream := init && number < len(d.streams)
	if stream {
		d.streams[number] = target
	}
	if !strings.HasPrefix(target, "/") {
		return
	}
	mount := mountIDOf(dir + "/fdinfo/" + name)
	if mount < 0 || own[mount] {
		return
	}
	// The file may be in a mount namespace that the container has created, on a file system that never answers.
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
		return diag.Sys(descriptorsFile+" can't be written", "openat", err).At("--image-path", "")
	}
	return nil
}

// loadDescriptors reads descriptorsFile. Images of other programs may have none: then no stream is replaced.
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
	sc.CheckEnd()
	if err != nil || sc.Err() != nil || len(sc.Problems) > 0 {
		return nil, &diag.Error{
			Kind: diag.Usage, Field: "--image-path", Problem: descriptorsFile +
				" must be an array of strings: the file names of the standard streams",
			Hint: "the images are damaged, or neither rt nor runc has written them",
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

// addTo adds to a request what replaces the dumped files: rt's standard streams, which CRIU inherits with the same
// numbers, and the host's /dev/null. null gives CRIU a descriptor of that, and returns its number: each key has its
// own, because CRIU 4.1 closes a descriptor after the first.
func (d *descriptors) addTo(r *criu.Options, null func() (int, error)) error {
	for fd, key := range d.streams {
		file := strings.HasPrefix(key, "file[")
		if file {
			var st unix.Stat_t
			if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
				return &diag.Error{
					Kind: diag.Usage, Problem: "standard " + [...]string{"input", "output", "error"}[fd] +
						" of the container was a file of the host, in which programs may seek: that of rt must be a " +
						"file too",
					Hint: "redirect it to a file",
				}
			}
			// The file and its mode may differ.
			r.SkipModeCheck = true
		}
		if file || strings.HasPrefix(key, "pipe:[") {
			r.Inherit = append(r.Inherit, criu.Inherited{Key: key, FD: fd})
		}
	}
	for _, key := range d.null {
		fd, err := null()
		if err != nil {
			return err
		}
		r.Inherit = append(r.Inherit, criu.Inherited{Key: key, FD: fd})
	}
	return nil
}
