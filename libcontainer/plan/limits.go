package plan

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// limits are the resource limits of the process, and how it is scheduled.
type limits struct{ *compiler }

// raiseHard raises the hard limits of process.rlimits that are above rt's own, while the process has rt's rights: in
// a user namespace it has no effective CAP_SYS_RESOURCE. See getrlimit(2).
func (c limits) raiseHard() {
	if c.spec.Process == nil {
		return
	}
	for i := range c.spec.Process.Rlimits {
		l := &c.spec.Process.Rlimits[i]
		if hard, ok := c.opt.HardLimits[l.Resource]; ok && l.Hard > hard {
			c.set(l, l.Hard, "raise the hard limit of ")
		}
	}
}

// set sets one resource limit of this process.
func (c limits) set(l *spec.Rlimit, soft uint64, sentence string) {
	c.prlimit("process.rlimits["+strconv.Itoa(l.Index)+"]", sentence+l.Type, l.Resource, soft, l.Hard, nsenter.Null)
}

// prlimit sets a resource limit, and writes the previous one to old: prlimit(2).
func (c limits) prlimit(origin, sentence string, resource int, soft, hard uint64, old nsenter.Arg) {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:], soft)
	binary.NativeEndian.PutUint64(b[8:], hard)
	text := "{soft=" + limitText(soft) + ", hard=" + limitText(hard) + "}"
	c.call(origin, sentence, nsenter.Prlimit64, nsenter.Imm(0), nsenter.Flags(&nsenter.Rlimits, resource),
		nsenter.Data(string(b[:]), text), old)
}

// limitText returns a resource limit as it prints.
func limitText(v uint64) string {
	if v == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(v, 10)
}

// compile sets the attributes of the process other than its rights: rlimits, as late as possible, since the earlier
// steps need descriptors and memory too; the scheduler and the like.
func (c limits) compile() error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	if err := c.setScheduling(); err != nil {
		return err
	}
	c.restoreOpenFiles()
	for i := range p.Rlimits {
		if l := &p.Rlimits[i]; l.Resource != unix.RLIMIT_NPROC || !c.clonesProgram() {
			c.set(l, l.Soft, "set ")
		}
	}
	return nil
}

// savedLimit is the offset in the scratch memory of the caller's limit of open files: struct rlimit, behind the
// supervisor's answer.
const savedLimit = answer + 8

// raiseOpenFiles raises the soft limit of open files to the hard one while the container is made; restoreOpenFiles
// restores the caller's. rt does not know that limit: Go's runtime has raised its own, and restores the caller's for
// the processes that it starts.
func (c limits) raiseOpenFiles() {
	if hard := c.opt.OpenFiles; hard != 0 {
		c.prlimit("", "raise the soft limit of open files", unix.RLIMIT_NOFILE, hard, hard, nsenter.Scratch(savedLimit))
	}
}

// restoreOpenFiles restores the soft limit that raiseOpenFiles has raised, unless the config sets one.
func (c limits) restoreOpenFiles() {
	if c.opt.OpenFiles == 0 {
		return
	}
	for i := range c.spec.Process.Rlimits {
		if c.spec.Process.Rlimits[i].Resource == unix.RLIMIT_NOFILE {
			return // the config sets it
		}
	}
	c.call("", "restore the caller's limit of open files", nsenter.Prlimit64, nsenter.Imm(0),
		nsenter.Flags(&nsenter.Rlimits, unix.RLIMIT_NOFILE), nsenter.Scratch(savedLimit), nsenter.Null)
}
