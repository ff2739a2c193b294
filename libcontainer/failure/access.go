package failure

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/spec"
)

// accessHint names the first directory of a program's path that the user of the process may not enter, or else the
// program that this user may not execute. It returns "" if the modes allow both, or if not they and the id maps of the
// config decide: with an ACL, or in a user namespace that exists already.
func (f imageFiles) accessHint(name string) string {
	if f.config.Namespaces.Has(unix.CLONE_NEWUSER) && f.config.Namespaces.New&unix.CLONE_NEWUSER == 0 {
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
		if !mayExecute(f.config, st) {
			return file + " may not be " + verb + " by " + formatUser(f.config) + ": its mode is " +
				formatMode(st.Mode) + ", its owner " + formatOwner(f.config, st.Uid)
		}
	}
	return ""
}

// formatUser returns the user of the process, in a user namespace with its number outside.
func formatUser(config *spec.Spec) string {
	uid := config.Process.UID
	text := "user " + strconv.FormatUint(uint64(uid), 10)
	if config.Namespaces.New&unix.CLONE_NEWUSER != 0 {
		host := config.HostID(uid, config.UIDMappings)
		text += ", which is user " + strconv.FormatUint(uint64(host), 10) + " of the host"
	}
	return text
}

// formatOwner returns the owner of a file, and whether a user namespace lacks it.
func formatOwner(config *spec.Spec, uid uint32) string {
	text := strconv.FormatUint(uint64(uid), 10)
	if config.Namespaces.New&unix.CLONE_NEWUSER != 0 && !mapsHostID(config.UIDMappings, uid) {
		text += ", which linux.uidMappings does not map"
	}
	return text
}

// mapsHostID reports whether a user or group of the host has an id in a user namespace.
func mapsHostID(mappings []specs.LinuxIDMapping, id uint32) bool {
	_, ok := spec.ContainerID(id, mappings)
	return ok
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

// mayExecute reports whether the process may enter a directory, or execute a file: path_resolution(7). In a user
// namespace capabilities are of no use for a file whose owner or group it does not map: user_namespaces(7).
func mayExecute(config *spec.Spec, st *unix.Statx_t) bool {
	const override, search = 1 << unix.CAP_DAC_OVERRIDE, 1 << unix.CAP_DAC_READ_SEARCH
	p, uids, gids := config.Process, config.UIDMappings, config.GIDMappings
	held := uint64(0)
	if p.Capabilities != nil && (config.Namespaces.New&unix.CLONE_NEWUSER == 0 ||
		mapsHostID(uids, st.Uid) && mapsHostID(gids, st.Gid)) {
		held = p.Capabilities.Effective
	}
	directory := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if held&override != 0 && (directory || st.Mode&0o111 != 0) || held&search != 0 && directory {
		return true
	}
	isGroup := func(id uint32) bool { return config.HostID(id, gids) == st.Gid }
	switch {
	case config.HostID(p.UID, uids) == st.Uid:
		return st.Mode&0o100 != 0
	case isGroup(p.GID) || slices.ContainsFunc(p.Groups, isGroup):
		return st.Mode&0o010 != 0
	}
	return st.Mode&0o001 != 0
}
