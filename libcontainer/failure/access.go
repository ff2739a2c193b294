package failure

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/spec"
)

// accessHint names the first directory of a program's path that the user of the process may not enter, or else the
// program that this user may not execute. It returns "" if the modes allow both, or if not they alone decide: with an
// ACL, or in a user namespace, in which files have other owners.
func (f imageFiles) accessHint(name string) string {
	if f.config.Namespaces.Has(unix.CLONE_NEWUSER) {
		return ""
	}
	for at := 0; at <= len(name); at++ {
		end := at == len(name)
		if !end && name[at] != '/' {
			continue
		}
		file, verb := name[:max(at, 1)], "entered"
		if end {
			file, verb = name, "executed"
		}
		st, known := f.readMode(file)
		if !known {
			return ""
		}
		if !mayExecute(f.config.Process, st) {
			return file + " may not be " + verb + " by user " + strconv.FormatUint(uint64(f.config.Process.UID), 10) +
				": its mode is " + formatMode(st.Mode) + ", its owner " + strconv.FormatUint(uint64(st.Uid), 10)
		}
	}
	return ""
}

// formatMode returns the permission bits as chmod(1) takes them: "0755".
func formatMode(mode uint16) string {
	digits := strconv.FormatUint(uint64(mode&0o7777), 8)
	return strings.Repeat("0", max(4-len(digits), 0)) + digits
}

// readMode returns the mode and the owners of a file of the image, if they alone decide who may execute it.
func (f imageFiles) readMode(name string) (st *unix.Statx_t, known bool) {
	fd, _, err := f.open(name)
	if err != nil {
		return nil, false
	}
	defer func() { _ = unix.Close(fd) }()
	if !sys.InFileSystemOf(fd, f.config.Rootfs) { // it may never answer
		return nil, false
	}
	const what = unix.STATX_TYPE | unix.STATX_MODE | unix.STATX_UID | unix.STATX_GID
	st = &unix.Statx_t{}
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, what, st) != nil {
		return nil, false
	}
	_, err = unix.Getxattr("/proc/self/fd/"+strconv.Itoa(fd), "system.posix_acl_access", nil)
	return st, err != nil
}

// mayExecute reports whether a process may enter a directory, or execute a file: path_resolution(7).
func mayExecute(p *spec.Process, st *unix.Statx_t) bool {
	const override, search = 1 << unix.CAP_DAC_OVERRIDE, 1 << unix.CAP_DAC_READ_SEARCH
	held := uint64(0)
	if p.Capabilities != nil {
		held = p.Capabilities.Effective
	}
	directory := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if held&override != 0 && (directory || st.Mode&0o111 != 0) || held&search != 0 && directory {
		return true
	}
	switch {
	case p.UID == st.Uid:
		return st.Mode&0o100 != 0
	case p.GID == st.Gid || slices.Contains(p.Groups, st.Gid):
		return st.Mode&0o010 != 0
	}
	return st.Mode&0o001 != 0
}
