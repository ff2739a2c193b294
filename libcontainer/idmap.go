package libcontainer

import (
	"os"
	"os/exec"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// denySetgroups reports whether the container's user namespace can't have setgroups(2): an unprivileged rt may write a
// gid map itself only after giving that up (user_namespaces(7)). With newgidmap it need not.
func (m *maker) denySetgroups() bool {
	return m.spec.Namespaces.New&unix.CLONE_NEWUSER != 0 && m.unprivileged() &&
		m.ownIDOnly(m.spec.GIDMappings, m.facts.EGID)
}

// unprivileged reports whether rt lacks the right to map any id.
func (m *maker) unprivileged() bool {
	const needed = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID
	return m.facts.EUID != 0 && m.facts.Caps&needed != needed
}

// ownIDOnly reports whether a map has only the caller's own id: what the kernel lets everyone write.
func (m *maker) ownIDOnly(mappings []specs.LinuxIDMapping, own uint32) bool {
	return len(mappings) == 1 && mappings[0].Size == 1 && mappings[0].HostID == own
}

// writeMaps writes the id maps of process pid, in a user namespace that is new.
func (m *maker) writeMaps(pid int) error {
	if m.options.SetgroupsDeny {
		if err := writeMap(pid, "setgroups", "linux.gidMappings", []byte("deny")); err != nil {
			return err
		}
	}
	if err := m.mapIDs(pid, "newuidmap", "uid_map", "linux.uidMappings", m.spec.UIDMappings, m.facts.EUID); err != nil {
		return err
	}
	return m.mapIDs(pid, "newgidmap", "gid_map", "linux.gidMappings", m.spec.GIDMappings, m.facts.EGID)
}

// mapIDs writes one map, or has the program write it that distributions give the right to: newuidmap(1), newgidmap(1).
func (m *maker) mapIDs(pid int, program, file, field string, mappings []specs.LinuxIDMapping, own uint32) error {
	if m.unprivileged() && !m.ownIDOnly(mappings, own) {
		return m.runMapper(pid, program, field, mappings)
	}
	var text []byte
	for _, e := range mappings {
		for _, n := range [...]uint32{e.ContainerID, e.HostID, e.Size} {
			text = append(strconv.AppendUint(text, uint64(n), 10), ' ')
		}
		text[len(text)-1] = '\n'
	}
	return writeMap(pid, file, field, text)
}

func writeMap(pid int, file, field string, text []byte) error {
	path := "/proc/" + strconv.Itoa(pid) + "/" + file
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		_, err = unix.Write(fd, text)
		_ = unix.Close(fd)
	}
	if err == nil {
		return nil
	}
	e := diag.Sys(path+" can't be written", "write", err)
	e.Field = field
	switch e.Errno {
	case unix.EPERM:
		e.Hint = "rt may map only ids that it has in its own user namespace, and needs CAP_SETUID and CAP_SETGID for others than its own"
	case unix.EINVAL:
		e.Hint = "the kernel takes at most 340 ranges, and none that overlap"
	}
	return e
}

// runMapper calls newuidmap or newgidmap.
func (m *maker) runMapper(pid int, program, field string, mappings []specs.LinuxIDMapping) error {
	path, err := exec.LookPath(program)
	if err != nil {
		return &diag.Error{
			Kind: diag.Host, Field: field, Problem: "an unprivileged user can map other ids than its own only through " + program + ", which is not installed",
			Hint: "install it (Debian: uidmap), or map only " + strconv.Itoa(os.Geteuid()),
		}
	}
	argv := []string{strconv.Itoa(pid)}
	for _, e := range mappings {
		argv = append(argv, strconv.Itoa(int(e.ContainerID)), strconv.Itoa(int(e.HostID)), strconv.Itoa(int(e.Size)))
	}
	if said, err := exec.Command(path, argv...).CombinedOutput(); err != nil {
		return &diag.Error{
			Kind: diag.Host, Field: field, Problem: program + " refused, saying: " + oneLine(said), Err: err,
			Hint: "the host ids must be in the ranges that /etc/subuid and /etc/subgid give the user",
		}
	}
	return nil
}

// oneLine joins the lines of what a program said.
func oneLine(said []byte) string {
	out := make([]byte, 0, len(said))
	for _, b := range said {
		if b == '\n' {
			b = ' '
		}
		out = append(out, b)
	}
	for len(out) > 0 && out[len(out)-1] == ' ' {
		out = out[:len(out)-1]
	}
	return string(out)
}
