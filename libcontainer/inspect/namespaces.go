package inspect

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/spec"
)

// checkPidNamespace returns an error if processes of a pid namespace that is joined could trace one that rt creates, or
// the other way round.
func checkPidNamespace(s *spec.Spec) error {
	j := s.Namespaces.Joined(unix.CLONE_NEWPID)
	var check func(j *spec.Join, fd int) error
	switch {
	case j == nil:
		return nil
	case s.Namespaces.Has(unix.CLONE_NEWUSER):
		check = checkNeighbours
	case plan.AsksForPidNS(s) && asksForPtrace(s.Process.Capabilities):
		check = checkStarted
	default:
		return nil
	}
	fd, err := process.OpenNamespace(j.Field(), j.Path, j.Flag)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return check(j, fd)
}

// asksForPtrace reports whether a process may get CAP_SYS_PTRACE.
func asksForPtrace(c *spec.Capabilities) bool {
	return c != nil && (c.Bounding|c.Permitted)&(1<<unix.CAP_SYS_PTRACE) != 0
}

// checkStarted returns an error, for a container with CAP_SYS_PTRACE, if the pid namespace is that of a container that
// was not started: the init of that one has all privileges until then.
func checkStarted(j *spec.Join, fd int) error {
	if first := process.First(fd); first == 0 || !process.IsBoot(first) {
		return nil
	}
	return &diag.Error{
		Kind: diag.State, Field: j.Field(), Value: j.Path,
		Problem: "is the pid namespace of a container that has not been started: a process with CAP_SYS_PTRACE could " +
			"trace its init, which has all privileges until then",
		Hint: "start that container first",
	}
}

// checkNeighbours returns an error, for a container with a user namespace, if processes with CAP_SYS_PTRACE in rt's
// user namespace see those of the pid namespace. Until the container's process changes its root they could read and
// write the host's files through its /proc/PID/root: PR_SET_DUMPABLE does not keep that capability away, and a process
// that has entered a user namespace can't join the pid namespace any more, so that it can't be cloned last.
func checkNeighbours(j *spec.Join, fd int) error {
	pid, err := process.FindTracer(fd)
	if pid == 0 || err != nil {
		return err
	}
	return &diag.Error{
		Kind: diag.State, Field: j.Field(), Value: j.Path,
		Problem: "is a pid namespace that process " + strconv.Itoa(pid) + " sees, which has no user namespace and " +
			"may have CAP_SYS_PTRACE: it could reach the host's files through this container while that is created",
		Hint: "give both containers the same user namespace, or that one no CAP_SYS_PTRACE",
	}
}

// SetgroupsDenied reports whether processes in the user namespace of a process can't change their groups:
// user_namespaces(7).
func SetgroupsDenied(pid int) bool {
	fd, err := unix.Open("/proc/"+strconv.Itoa(pid)+"/setgroups", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	var b [16]byte
	n, err := unix.Read(fd, b[:])
	return err == nil && strings.HasPrefix(string(b[:n]), "deny")
}
