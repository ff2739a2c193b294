package plan

import (
	"encoding/binary"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/nsenter"
	"rt/spec"
)

// cwd enters process.cwd, looked up from the new root: no descriptor that leaked is involved (CVE-2024-21626). A
// missing directory is made if the root is writable, as runc does.
//
// The root user of the container enters it, since a directory may be closed to the user of the process. Where it is the
// other way round, as on network file systems that distrust root, endCwd tries again as that user.
func (c *compiler) cwd() error {
	p := c.spec.Process
	if p == nil || p.Cwd == "/" {
		return nil
	}
	const origin = "process.cwd"
	found, missing, closed := c.newLabel(), c.newLabel(), c.newLabel()
	first := c.open(origin, "open the working directory", regRoot, p.Cwd, howDir).to(regCwd).then(found)
	switch {
	case c.makesCwd() && p.UID != 0:
		first.on(missing, unix.ENOENT, unix.EACCES)
		c.mark(missing)
		c.makeCwdByRT()
		c.open(origin, "open it", regRoot, p.Cwd, howDir).to(regCwd).on(closed, unix.EACCES)
	case c.makesCwd():
		first.on(missing, unix.ENOENT)
		c.mark(missing)
		c.made(origin, p.Cwd, true, howDir, regCwd, found)
	case p.UID != 0:
		first.on(closed, unix.EACCES)
	}
	c.mark(found)
	enter := c.do(origin, "enter it", nsenter.Fchdir, nsenter.Val(regCwd)).to(regCwd) // 0 tells endCwd that it is done
	if p.UID != 0 {
		enter.on(closed, unix.EACCES)
	}
	c.mark(closed)
	return nil
}

// makesCwd reports whether a missing working directory is made.
func (c *compiler) makesCwd() bool {
	return !c.spec.RootReadonly && c.mountNamespace() && c.joins == joinsNone
}

// findProgram looks process.args[0] up as execvpe(3) will, so that a missing program fails the create, as callers of
// runc expect.
func (c *compiler) findProgram() error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	const origin = "process.args[0]"
	found := c.newLabel()
	names := c.candidates()
	for i, name := range names {
		s := c.do(origin, "look for "+name, nsenter.Faccessat, nsenter.Cwd, nsenter.Str(name),
			nsenter.Flags(&nsenter.AccessModes, unix.X_OK), nsenter.Imm(0))
		if i < len(names)-1 {
			s.then(found).ignore(unix.ENOENT, unix.EACCES, unix.ENOTDIR, unix.ELOOP)
		}
	}
	c.mark(found)
	return nil
}

// candidates returns the paths that process.args[0] may mean: itself if it has a slash, else one in each directory of
// PATH in process.env.
func (c *compiler) candidates() []string {
	if c.opt.Program != "" {
		return []string{c.opt.Program}
	}
	p := c.spec.Process
	name := p.Args[0]
	if strings.IndexByte(name, '/') >= 0 {
		return []string{name}
	}
	search := ""
	for _, e := range p.Env {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			search = value
		}
	}
	var names []string
	for dir := range strings.SplitSeq(search, ":") {
		if dir == "" {
			dir = "." // an empty entry is the working directory
		}
		names = append(names, path.Join("./", dir, name))
		if dir[0] == '/' {
			names[len(names)-1] = path.Join(dir, name)
		} else {
			names[len(names)-1] = "./" + path.Join(dir, name)
		}
	}
	return names
}

// execute executes the user's program. Files earlier in PATH that can't be executed are skipped, as execvpe(3) does.
func (c *compiler) execute() error {
	if c.spec.Process == nil {
		// rt start refuses such a container; this is for a start that is attempted all the same.
		c.do("process", "there is no program to start", nsenter.ExitGroup, nsenter.Imm(1))
		return nil
	}
	const origin = "process.args[0]"
	argv, env := nsenter.Vec(c.spec.Process.Args), c.environment()
	names := c.candidates()
	for i, name := range names {
		s := c.do(origin, "execute "+name, nsenter.Execve, nsenter.Str(name), argv, env)
		if i < len(names)-1 {
			s.ignore(unix.ENOENT, unix.EACCES, unix.ENOTDIR, unix.ELOOP)
		}
	}
	return nil
}

// raiseLimits raises the hard limits of process.rlimits that are above rt's own, while the process has rt's rights: in
// a user namespace it has no effective CAP_SYS_RESOURCE. See getrlimit(2).
func (c *compiler) raiseLimits() {
	if c.spec.Process == nil {
		return
	}
	for i := range c.spec.Process.Rlimits {
		l := &c.spec.Process.Rlimits[i]
		if hard, ok := c.opt.HardLimits[l.Resource]; ok && l.Hard > hard {
			c.rlimit(l, l.Hard, "raise the hard limit of ")
		}
	}
}

// rlimit sets one resource limit of this process.
func (c *compiler) rlimit(l *spec.Rlimit, soft uint64, sentence string) {
	c.prlimit("process.rlimits["+strconv.Itoa(l.Index)+"]", sentence+l.Type, l.Resource, soft, l.Hard, nsenter.Null)
}

// prlimit sets a resource limit, and writes the previous one to old: prlimit(2).
func (c *compiler) prlimit(origin, sentence string, resource int, soft, hard uint64, old nsenter.Arg) {
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:], soft)
	binary.NativeEndian.PutUint64(b[8:], hard)
	text := "{soft=" + limitText(soft) + ", hard=" + limitText(hard) + "}"
	c.do(origin, sentence, nsenter.Prlimit64, nsenter.Imm(0), nsenter.Flags(&nsenter.Rlimits, resource),
		nsenter.Data(string(b[:]), text), old)
}

func limitText(v uint64) string {
	if v == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(v, 10)
}

// limits sets the attributes of the process other than its rights: rlimits, as late as possible, since the earlier
// steps need descriptors and memory too; the scheduler and the like.
func (c *compiler) limits() error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	if err := c.scheduling(); err != nil {
		return err
	}
	c.restoreOpenFiles()
	for i := range p.Rlimits {
		if l := &p.Rlimits[i]; l.Resource != unix.RLIMIT_NPROC || !c.clonesProgram() {
			c.rlimit(l, l.Soft, "set ")
		}
	}
	return nil
}

// user changes to the ids of process.user. PR_SET_KEEPCAPS preserves the permitted set, and the others are set
// afterwards.
func (c *compiler) user() error {
	p := c.spec.Process
	if p.UID != 0 {
		for fd, wanted := range c.opt.ChownStdio {
			if wanted {
				c.do("process.user.uid", "make the user the owner of the standard streams", nsenter.Fchown,
					nsenter.Imm(fd),
					nsenter.Imm(p.UID), nsenter.Imm(-1)).
					ignore(unix.EINVAL, unix.EPERM, unix.EROFS)
			}
		}
		c.do("process.user.uid", "keep the permitted capabilities when the user changes", nsenter.Prctl,
			nsenter.Flags(&nsenter.PrctlOptions,
				unix.PR_SET_KEEPCAPS), nsenter.Imm(1), nsenter.Imm(0), nsenter.Imm(0), nsenter.Imm(0))
	}
	switch {
	case c.keepsGroups():
	case c.opt.SetgroupsDeny:
		if len(p.Groups) > 0 {
			return &diag.Error{
				Kind: diag.Host, Field: "process.user.additionalGids",
				Problem: "an unprivileged user without a range in /etc/subgid can't take additional groups: leave " +
					"them out, or add a range",
			}
		}
	default:
		groups := make([]byte, 4*len(p.Groups))
		words := make([]string, len(p.Groups))
		for i, g := range p.Groups {
			binary.NativeEndian.PutUint32(groups[4*i:], g)
			words[i] = strconv.Itoa(int(g))
		}
		take := c.do("process.user.additionalGids", "set the supplementary groups", nsenter.Setgroups,
			nsenter.Imm(len(p.Groups)),
			nsenter.Data(string(groups), "["+strings.Join(words, ", ")+"]"))
		if len(p.Groups) == 0 && (c.host.UserNS || c.spec.Namespaces.Has(unix.CLONE_NEWUSER)) {
			// In a user namespace that denies setgroups(2), rt's own or a joined one, the process keeps its groups.
			take.ignore(unix.EPERM)
		}
	}
	gid, uid := nsenter.Imm(p.GID), nsenter.Imm(p.UID)
	c.do("process.user.gid", "set the group ids", nsenter.Setresgid, gid, gid, gid)
	c.do("process.user.uid", "set the user ids", nsenter.Setresuid, uid, uid, uid)
	c.stillNotDumpable()
	return nil
}
