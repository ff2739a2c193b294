package plan

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/nsenter"
)

// procfs is a procfs of rt's own, and what is written to it.
type procfs struct{ *compiler }

// What is written to /proc goes through a detached procfs of the boot process: the /proc of the root file system may be
// a fake, and be replaced meanwhile (CVE-2019-16884, CVE-2025-52881).

// openProc mounts such a procfs, and opens it in regProc. In a user namespace the kernel may refuse one (EPERM). Then
// it opens the host's /proc, which no container can change; later look-ups do not enter mounts in it.
func (c procfs) openProc() {
	if c.procOpen {
		return
	}
	c.procOpen = true
	host, end := c.newLabel(), c.newLabel()
	c.call("", "configure a private procfs", nsenter.Fsopen, nsenter.Str("proc"),
		nsenter.Flags(&nsenter.FsopenFlags, unix.FSOPEN_CLOEXEC)).into(regFS).onErrno(host, unix.EPERM)
	c.fsconfig("", "create the file system", unix.FSCONFIG_CMD_CREATE, "", "").onErrno(host, unix.EPERM)
	c.call("", "create a detached mount", nsenter.Fsmount, nsenter.Val(regFS),
		nsenter.Flags(&nsenter.FsmountFlags, unix.FSMOUNT_CLOEXEC),
		nsenter.Imm(0)).into(regProc).then(end).onErrno(host, unix.EPERM)
	c.mark(host)
	c.call("", "fall back to the host's /proc", nsenter.Openat, nsenter.Cwd, nsenter.Str("/proc"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).into(regProc)
	c.mark(end)
}

// writeFile writes text to a file of our procfs.
func (c procfs) writeFile(origin, sentence, path, text string) {
	c.openProc()
	c.open(origin, "open /proc/"+path, regProc, path, howProcFile).into(regFile)
	c.write(origin, sentence, text)
	c.close(regFile)
}

// compileSysctl writes linux.sysctl, while the namespaces that the values belong to are this process's own (sysctl(2),
// namespaces(7)).
func (c procfs) compileSysctl() error {
	for _, s := range c.spec.Sysctl {
		c.writeFile("linux.sysctl["+strconv.Quote(s.Key)+"]", "set "+s.Key+" to "+s.Value, "sys/"+s.Path, s.Value)
	}
	return c.setLabels()
}

// setLabels sets the LSM label that the user's program gets at its execve: apparmor(7), attr in proc(5).
func (c procfs) setLabels() error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	// Without AppArmor every process is unconfined.
	if p.AppArmor != "" && (c.host.AppArmor || p.AppArmor != "unconfined") {
		const origin = "process.apparmorProfile"
		if !c.host.AppArmor {
			return &diag.Error{
				Kind: diag.Host, Field: origin, Value: p.AppArmor,
				Problem: "this kernel runs without AppArmor: leave the profile out",
			}
		}
		c.writeLabel(origin, "set the profile for the next execve", "thread-self/attr/apparmor/exec",
			"exec "+p.AppArmor)
	}
	if p.SELinuxLabel != "" {
		const origin = "process.selinuxLabel"
		if !c.host.SELinux {
			return &diag.Error{
				Kind: diag.Host, Field: origin, Value: p.SELinuxLabel,
				Problem: "this kernel runs without SELinux: leave the label out",
			}
		}
		c.writeLabel(origin, "set the label for the next execve", "thread-self/attr/exec", p.SELinuxLabel)
	}
	if c.spec.MountLabel != "" && !c.host.SELinux {
		return &diag.Error{
			Kind: diag.Host, Field: "linux.mountLabel", Value: c.spec.MountLabel,
			Problem: "this kernel runs without SELinux: leave the label out",
		}
	}
	return nil
}

// setKeyLabel gives the next new keyring the label of the program: with rt's own label the policy would keep the
// program from its keys. The label for keys ends with the execve of the program.
func (c procfs) setKeyLabel() {
	p := c.spec.Process
	if p == nil || p.SELinuxLabel == "" || !c.host.SELinux {
		return
	}
	c.writeLabel("process.selinuxLabel", "set the label of new keyrings", "thread-self/attr/keycreate", p.SELinuxLabel)
}

// writeLabel writes a label. Podman takes a failure for one of labels by the name of the file between backquotes
// (libpod/oci_util.go).
func (c procfs) writeLabel(origin, sentence, path, label string) {
	c.writeFile(origin, sentence+": write to `/proc/"+path+"`", path, label)
}

// setOOMScore sets the score while the process has all rights of rt: to lower it requires CAP_SYS_RESOURCE outside of
// any user namespace. Children inherit it.
func (c procfs) setOOMScore() {
	if c.spec.Process == nil || c.spec.Process.OOMScoreAdj == nil {
		return
	}
	const origin = "process.oomScoreAdj"
	text := strconv.Itoa(*c.spec.Process.OOMScoreAdj)
	c.call(origin, "open oom_score_adj of this process", nsenter.Openat, nsenter.Cwd,
		nsenter.Str("/proc/self/oom_score_adj"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_WRONLY|unix.O_CLOEXEC)).into(regFile)
	c.write(origin, "set it to "+text, text)
	c.close(regFile)
}
