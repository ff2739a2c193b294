// Package stdio has the descriptors that a program in a container inherits from the caller.
package stdio

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// Streams are the descriptors that a program inherits: its standard streams and, from 3 on, preserved ones of this
// process by the same numbers, and then others.
type Streams struct {
	Std       [3]int // as numbers of this process
	Preserved int    // how many, from 3 on
	others    []int
	null      int // opened for the streams that are null devices; -1 if there is none
}

// Open returns the descriptors of the files of a caller. A nil file is a null device.
func Open(in, out, err *os.File, preserved int, extra []*os.File) (s Streams, e error) {
	s = Streams{Preserved: preserved, null: -1}
	for i, f := range [...]*os.File{in, out, err} {
		if f != nil {
			s.Std[i], e = descriptor(f)
			if e == nil && ownsNull(s.Std[i]) {
				s.Std[i] = s.nullInstead(s.Std[i])
			}
		} else {
			s.Std[i], e = s.nullDevice()
		}
		if e != nil {
			s.Close()
			return Streams{null: -1}, e
		}
	}
	for _, f := range extra {
		fd, err := descriptor(f)
		if err != nil {
			s.Close()
			return Streams{null: -1}, err
		}
		s.others = append(s.others, fd)
	}
	return s, nil
}

// FromDescriptors returns standard streams that are open already, without preserved or extra descriptors.
func FromDescriptors(std [3]int) Streams { return Streams{Std: std, null: -1} }

// descriptor returns the number of an open file. Unlike File.Fd it does not make the file a blocking one.
func descriptor(f *os.File) (number int, err error) {
	number = -1
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { number = int(fd) })
	}
	if err != nil {
		return -1, &diag.Error{Kind: diag.Usage, Problem: "a file for the container is not open", Err: err}
	}
	return number, nil
}

// nullDevice opens a null device, once.
func (s *Streams) nullDevice() (fd int, err error) {
	if s.null < 0 {
		s.null, err = OpenNull()
	}
	return s.null, err
}

// OpenNull opens /dev/null for a container. The container's root may be its owner, so it is opened through a read-only
// mount, if possible: no process can change its mode or owner by this descriptor.
func OpenNull() (fd int, err error) {
	path := "/dev/null"
	if mount, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC); err == nil {
		defer func() { _ = unix.Close(mount) }()
		if unix.MountSetattr(mount, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}) == nil {
			path = "/proc/self/fd/" + strconv.Itoa(mount)
		}
	}
	if fd, err = unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return -1, diag.Sys("/dev/null can't be opened for a standard stream of the container", "open", err)
	}
	return fd, nil
}

// The device number of /dev/null: Documentation/admin-guide/devices.txt.
const nullMajor, nullMinor = 1, 3

// ownsNull reports whether fd is the host's /dev/null, and root of this user namespace might change it: by fchmod(2)
// the root of a container could close it to everybody.
func ownsNull(fd int) bool {
	return os.Geteuid() == 0 && sys.IsCharDevice(fd, nullMajor, nullMinor)
}

// nullInstead returns the descriptor of a null device that can't be changed, instead of fd; fd if that is not possible.
func (s *Streams) nullInstead(fd int) int {
	null, err := s.nullDevice()
	if err != nil || !sys.IsCharDevice(null, nullMajor, nullMinor) {
		return fd
	}
	return null
}

// Extra returns how many descriptors the program inherits besides its standard streams.
func (s *Streams) Extra() int { return s.Preserved + len(s.others) }

// Files returns the descriptors of the boot process: those that the program inherits, and files.
func (s *Streams) Files(files []int) []uintptr {
	all := make([]uintptr, 0, 4+s.Extra()+len(files))
	add := func(list ...int) {
		for _, fd := range list {
			all = append(all, uintptr(fd))
		}
	}
	add(s.Std[:]...)
	for fd := range s.Preserved {
		add(3 + fd)
	}
	add(s.others...)
	add(files...)
	return all
}

// Close closes the null device.
func (s *Streams) Close() {
	if s.null >= 0 {
		_ = unix.Close(s.null)
	}
	s.null = -1
}
