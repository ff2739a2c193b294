// Package failure turns the end of a boot process that has not executed the user's program into an error for the user:
// the failed step with its field in config.json, or what has killed the process. It also explains the end of a program.
package failure

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// Step returns the error of a step that has failed. text is the call as `rt plan` prints it, or "".
func Step(f *supervise.Failure, text string, config *spec.Spec) *diag.Error {
	e := &diag.Error{
		Kind: diag.Kernel, Field: f.Step.Origin, Problem: f.Step.Sentence, Step: int(f.Step.Number), Text: text,
		Call: f.Step.Call.String(), Errno: nsenter.Errno(f.Result),
	}
	if e.Errno == nsenter.Short {
		e.Errno = 0
		e.Problem += ": the call has returned only " + strconv.FormatInt(f.Result, 10)
	}
	if e.Field == "process.args[0]" && config.Process != nil {
		setProgramProblem(e, config.Process)
		if hint := programHint(e, config); hint != "" {
			e.Hint = hint
		}
		return e
	}
	e.Value = fieldValue(config, e.Field)
	e.Hint = diag.Hint(e.Call, e.Errno, e.Field)
	if hint := configHint(e, config); hint != "" {
		e.Hint = hint
	}
	return e
}

// Hang returns the error of a step whose call does not return. text is the call as `rt plan` prints it, or "".
func Hang(h *supervise.Hang, text string, config *spec.Spec) *diag.Error {
	e := &diag.Error{
		Kind: diag.Host, Errno: unix.ETIMEDOUT,
		Hint: "a file system that the config mounts does not answer: look for its server",
	}
	if h.Step == nil {
		e.Problem = "the boot process has not answered within " + h.For.String() + ", and was killed"
		return e
	}
	e.Field, e.Step, e.Text, e.Call = h.Step.Origin, int(h.Step.Number), text, h.Step.Call.String()
	e.Value = fieldValue(config, e.Field)
	e.Problem = h.Step.Sentence + ": the call has not returned within " + h.For.String() +
		", and the boot process was killed"
	return e
}

// configHint returns a hint that depends on the config or on rt's root directory, or "".
func configHint(e *diag.Error, config *spec.Spec) string {
	section, _, _ := strings.Cut(e.Field, ".")
	switch name, i := index(section); {
	case e.Errno == unix.ENODEV && name == "mounts" && i >= 0 && i < len(config.OCI.Mounts) &&
		config.OCI.Mounts[i].Type == "none":
		return `"none" is no file system: a bind mount requires "bind" or "rbind" in options`
	case e.Errno == unix.ENOMEM && name == "linux" && config.Namespaces.Joined(unix.CLONE_NEWPID) != nil &&
		(e.Call == nsenter.Clone.String() || e.Call == nsenter.Clone3.String()):
		return "the init of the pid namespace has probably ended: no process can join such a namespace any more"
	case e.Errno == unix.EINVAL && e.Call == nsenter.Fsconfig.String() && namesID(e.Problem):
		return "the user namespace of the process does not map this id: leave the option out, or map the id"
	case e.Errno == unix.EPERM && e.Call == nsenter.Clone3.String() && chrooted():
		return "rt runs in a chroot, where the kernel allows no new user namespace (user_namespaces(7)): enter the " +
			"root file system with pivot_root(2) instead, or run rt outside"
	case e.Errno == unix.EINVAL && e.Field == "linux.rootfsPropagation" && chrooted():
		return "rt runs in a chroot whose root is no mount point, so that no other root can replace it: before the " +
			"chroot, bind-mount the directory on itself (mount --bind)"
	}
	return ""
}

// namesID reports whether the sentence of a step ends with a mount option that names a user or group by its id.
func namesID(sentence string) bool {
	name, id, _ := strings.Cut(sentence[strings.LastIndexByte(sentence, ' ')+1:], "=")
	_, err := strconv.ParseUint(id, 10, 32)
	return err == nil && (name == "uid" || name == "gid")
}

// chrooted reports whether the root of this process is certainly not that of its mount namespace: it is not the root of
// a mount, or process 1 in the same namespace has another root.
func chrooted() bool {
	var own, first unix.Stat_t
	if unix.Stat("/", &own) != nil {
		return false
	}
	ownNS, err := os.Readlink("/proc/self/ns/mnt")
	firstNS, firstErr := os.Readlink("/proc/1/ns/mnt")
	if err == nil && firstErr == nil && ownNS == firstNS && unix.Stat("/proc/1/root/.", &first) == nil {
		return own.Dev != first.Dev || own.Ino != first.Ino
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	return err == nil && len(table) > 0 && !mountedAtRoot(string(table))
}

// mountedAtRoot reports whether a mount table has a mount at /.
func mountedAtRoot(table string) bool {
	const mountPoint = 4 // proc_pid_mountinfo(5)
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > mountPoint && f[mountPoint] == "/" {
			return true
		}
	}
	return false
}

// setProgramProblem sets the problem and hint of an error about the user's program, in the words that engines expect:
// moby (daemon/errors.go) and podman (libpod/oci_util.go) derive their exit codes 126 and 127 from "permission denied",
// "no such file or directory" and "executable file not found in $PATH".
func setProgramProblem(e *diag.Error, p *spec.Process) {
	name := p.Args[0]
	e.Value = name
	search := !strings.Contains(name, "/")
	looking := e.Call == nsenter.Faccessat.String()
	switch {
	case looking && search && e.Errno != unix.EACCES:
		e.Problem = `exec: "` + name + `": executable file not found in $PATH`
		e.Hint = "the directories of PATH are those of process.env, looked up inside the container"
	case looking:
		e.Problem = `exec: "` + name + `"`
	default:
		e.Problem = `exec "` + name + `"`
		switch e.Errno {
		case unix.ENOENT:
			e.Hint = "the file is there: what is missing is the interpreter that its #! line or its ELF header names"
		case unix.ENOEXEC:
			e.Hint = "it is neither a program for this kind of machine nor a script that starts with #!"
		case unix.EACCES:
			e.Hint = "the user of the process must have the right to execute the file, and its mount must not be noexec"
		}
	}
}
