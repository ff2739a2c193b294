// Package idmap writes the ID maps of user namespaces: that of a container, and those from which id-mapped mounts take
// their mappings. See user_namespaces(7) and mount_setattr(2).
package idmap

import (
	"os/exec"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/process"
	"rt/spec"
)

// DenySetgroups reports whether setgroups(2) must be denied in the container's user namespace: only then an
// unprivileged rt may write the gid map itself (user_namespaces(7)). newgidmap(1) does not require it.
func DenySetgroups(s *spec.Spec, f *host.Facts) bool {
	return s.Namespaces.New&unix.CLONE_NEWUSER != 0 && unprivileged(f) && ownIDOnly(s.GIDMappings, f.EGID)
}

// unprivileged reports whether rt lacks the capabilities to map arbitrary IDs.
func unprivileged(f *host.Facts) bool {
	const needed = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	return f.EUID != 0 && f.Caps&needed != needed
}

// ownIDOnly reports whether a map has only the caller's own ID: such a map needs no privilege.
func ownIDOnly(mappings []specs.LinuxIDMapping, own uint32) bool {
	return len(mappings) == 1 && mappings[0].Size == 1 && mappings[0].HostID == own
}

// Write writes linux.uidMappings and linux.gidMappings for the new user namespace of process pid. With denySetgroups it
// denies setgroups(2) there.
func Write(pid int, s *spec.Spec, f *host.Facts, denySetgroups bool) error {
	if denySetgroups {
		if err := writeFile(pid, "setgroups", "linux.gidMappings", []byte("deny")); err != nil {
			return err
		}
	}
	if err := writeMap(pid, "newuidmap", process.UIDMap, "linux.uidMappings", s.UIDMappings, f, f.EUID); err != nil {
		return err
	}
	return writeMap(pid, "newgidmap", process.GIDMap, "linux.gidMappings", s.GIDMappings, f, f.EGID)
}

// writeMap writes one map. An unprivileged rt needs program for other IDs than its own: newuidmap(1) or newgidmap(1).
func writeMap(pid int, program, file, field string, mappings []specs.LinuxIDMapping, f *host.Facts, own uint32) error {
	if unprivileged(f) && !ownIDOnly(mappings, own) {
		return runMapper(pid, program, field, mappings, own)
	}
	return writeFile(pid, file, field, formatMappings(mappings))
}

// formatMappings returns the text of a map file: a line for each mapping.
func formatMappings(mappings []specs.LinuxIDMapping) (text []byte) {
	for _, m := range mappings {
		text = append(append(text, process.FormatIDMapping(m)...), '\n')
	}
	return text
}

// writeFile writes a file of /proc/PID with one write(2): the kernel accepts only a whole map.
func writeFile(pid int, file, field string, text []byte) error {
	path := "/proc/" + strconv.Itoa(pid) + "/" + file
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, text)
		_ = unix.Close(fd)
	}
	if err == nil {
		return nil
	}
	return diag.Sys(path+" can't be written to", "write", err).At(field, "").WithHint(writeHint(err))
}

// writeHint returns the likely cause of a refused map: user_namespaces(7).
func writeHint(err error) string {
	switch err {
	case unix.EPERM:
		return "rt may map only ids that exist in its own user namespace, and needs CAP_SETUID and CAP_SETGID for " +
			"ids other than its own"
	case unix.EINVAL:
		return "the kernel accepts at most 340 ranges, in a text of less than a page, which must not overlap"
	}
	return ""
}

// runMapper calls newuidmap or newgidmap.
func runMapper(pid int, program, field string, mappings []specs.LinuxIDMapping, own uint32) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return &diag.Error{
			Kind: diag.Host, Field: field,
			Problem: "an unprivileged user can map other ids than its own only through " + program +
				", which is not installed",
			Hint: "install it (Debian: uidmap), or map only " + strconv.FormatUint(uint64(own), 10),
		}
	}
	argv := []string{strconv.Itoa(pid)}
	for _, m := range mappings {
		argv = append(argv, strings.Fields(process.FormatIDMapping(m))...)
	}
	if output, err := exec.Command(path, argv...).CombinedOutput(); err != nil {
		return &diag.Error{
			Kind: diag.Host, Field: field, Problem: program + " has refused the map: " + diag.OneLine(output), Err: err,
			Hint: "the host ids must be in the ranges that /etc/subuid and /etc/subgid give the user",
		}
	}
	return nil
}
