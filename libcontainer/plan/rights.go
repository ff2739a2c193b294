package plan

import (
	"encoding/binary"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/nsenter"
	"rt/spec"
)

// rights are the user, the capabilities and the seccomp filter of the program.
type rights struct{ *compiler }

// compile drops the rights that the user's program must not have. The order matters (capabilities(7), seccomp(2)):
//
//   - the bounding set while the process has CAP_SETPCAP, before the user changes;
//   - the user, then the other sets: a change of the user clears sets that are set before it;
//   - seccomp without no_new_privs requires CAP_SYS_ADMIN, so it comes before the capabilities are dropped; with
//     no_new_privs it is the last call before the execve, so that the profile need not allow any call of rt.
func (c rights) compile() error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	caps := c.grantableSets(p)
	if err := c.becomeUser(p, caps); err != nil {
		return err
	}
	if !p.NoNewPrivs {
		c.loadFilterFirst(p)
		c.passListener()
	}
	c.setCapabilities(p, caps)
	if p.NoNewPrivs {
		c.loadFilter()
		c.passListener()
	}
	return nil
}

// becomeUser drops the bounding set, and changes to the ids of the program.
func (c rights) becomeUser(p *spec.Process, caps spec.Capabilities) error {
	const last = 63
	for n := 0; n <= int(c.host.CapLast) && n <= last; n++ {
		if caps.Bounding&(1<<n) == 0 {
			c.prctl("process.capabilities.bounding", "drop from the bounding set", unix.PR_CAPBSET_DROP,
				nsenter.Flags(&nsenter.Capabilities, n))
		}
	}
	if err := c.changeIDs(); err != nil {
		return err
	}
	c.call("process.user.umask", "set the umask", nsenter.Umask, nsenter.Flags(&nsenter.Octal, p.Umask))
	workingDirectory{mounter{c.compiler}}.enterAsUser(p)
	if p.NoNewPrivs {
		c.prctl("process.noNewPrivileges", "set no_new_privs", unix.PR_SET_NO_NEW_PRIVS, nsenter.Imm(1))
	}
	return nil
}

// loadFilterFirst loads the filter without no_new_privs: that requires CAP_SYS_ADMIN in the effective set, which a
// change of the user has cleared.
func (c rights) loadFilterFirst(p *spec.Process) {
	if c.opt.Filter != nil && p.UID != 0 {
		all := c.host.Caps & (1<<(c.host.CapLast+1) - 1)
		if c.spec.Namespaces.Has(unix.CLONE_NEWUSER) {
			all = 1<<(c.host.CapLast+1) - 1
		}
		c.setSets(p, "set the capabilities that seccomp(2) requires", all, all, 0)
	}
	c.loadFilter()
}

// setCapabilities sets the capabilities of the program.
func (c rights) setCapabilities(p *spec.Process, caps spec.Capabilities) {
	c.setSets(p, "set the capabilities of the program", caps.Effective, caps.Permitted, caps.Inheritable)
	c.setAmbient(caps.Ambient)
}

// grantableSets returns the capability sets without those capabilities that rt lacks, or that this kernel does not
// know: config.md asks for a warning for them. In a new user namespace the first process has all of them.
func (c rights) grantableSets(p *spec.Process) spec.Capabilities {
	if p.Capabilities == nil {
		return spec.Capabilities{}
	}
	caps := *p.Capabilities
	have := uint64(1)<<(c.host.CapLast+1) - 1
	if !c.spec.Namespaces.Has(unix.CLONE_NEWUSER) {
		have &= c.host.Caps
	}
	sets := [...]struct {
		name string
		bits *uint64
	}{
		{"bounding", &caps.Bounding},
		{"effective", &caps.Effective},
		{"inheritable", &caps.Inheritable},
		{"permitted", &caps.Permitted},
		{"ambient", &caps.Ambient},
	}
	for n := range 64 {
		var in []string
		for _, set := range sets {
			if *set.bits&^have&(1<<n) != 0 {
				in = append(in, set.name)
			}
		}
		if in != nil {
			c.plan.Warnings = append(c.plan.Warnings, "process.capabilities: "+nsenter.Capabilities.Format(uint64(n))+
				" can't be granted ("+strings.Join(in, ", ")+"): rt does not have it itself")
		}
	}
	for _, set := range sets {
		*set.bits &= have
	}
	return caps
}

// setSets sets three capability sets in one call: capset(2), version 3.
func (c rights) setSets(p *spec.Process, sentence string, effective, permitted, inheritable uint64) {
	var header [8]byte
	binary.NativeEndian.PutUint32(header[:], unix.LINUX_CAPABILITY_VERSION_3)
	var data [24]byte
	for half := range 2 {
		for i, set := range [...]uint64{effective, permitted, inheritable} {
			binary.NativeEndian.PutUint32(data[12*half+4*i:], uint32(set>>(32*half)))
		}
	}
	text := "{effective=0x" + strconv.FormatUint(effective, 16) + ", permitted=0x" + strconv.FormatUint(permitted, 16) +
		", inheritable=0x" + strconv.FormatUint(inheritable, 16) + "}"
	origin := "process.capabilities"
	if p.Capabilities == nil {
		origin = ""
	}
	c.call(origin, sentence, nsenter.Capset, nsenter.Data(string(header[:]), "{version 3}"),
		nsenter.Data(string(data[:]), text))
}

// setAmbient sets the ambient set. Only capabilities that are permitted and inheritable can be in it; others are left
// out with a warning, as in the other runtimes.
func (c rights) setAmbient(set uint64) {
	const origin = "process.capabilities.ambient"
	c.prctl(origin, "clear the ambient set", unix.PR_CAP_AMBIENT,
		nsenter.Flags(&nsenter.AmbientOptions, unix.PR_CAP_AMBIENT_CLEAR_ALL)).
		ignore(unix.EINVAL)
	for n := range 64 {
		if set&(1<<n) != 0 {
			c.call(origin, "add it to the ambient set", nsenter.Prctl,
				nsenter.Flags(&nsenter.PrctlOptions, unix.PR_CAP_AMBIENT),
				nsenter.Flags(&nsenter.AmbientOptions, unix.PR_CAP_AMBIENT_RAISE), nsenter.Flags(&nsenter.Capabilities,
					n), nsenter.Imm(0), nsenter.Imm(0)).
				ignore(unix.EPERM)
		}
	}
}

// loadFilter loads linux.seccomp.
func (c rights) loadFilter() {
	f := c.opt.Filter
	if f == nil {
		return
	}
	code := make([]byte, 0, 8*len(f.Prog))
	for _, i := range f.Prog {
		code = binary.NativeEndian.AppendUint16(code, i.Code)
		code = append(code, i.Jt, i.Jf)
		code = binary.NativeEndian.AppendUint32(code, i.K)
	}
	text := strconv.Itoa(len(f.Prog)) + " instructions"
	var program [16]byte // struct sock_fprog
	binary.NativeEndian.PutUint16(program[:], uint16(len(f.Prog)))
	load := c.call("linux.seccomp", "load the filter", nsenter.Seccomp,
		nsenter.Flags(&nsenter.SeccompOps, unix.SECCOMP_SET_MODE_FILTER),
		nsenter.Flags(&nsenter.SeccompFlags, f.Flags),
		nsenter.Data(string(program[:]), "{"+text+"}", nsenter.Ref{
			Offset: 8, Size: 8,
			Arg: nsenter.Data(string(code), text),
		}))
	if f.Notify {
		load.into(regFile)
	}
}

// passListener passes the listener of the filter to rt, if it has one.
func (c rights) passListener() {
	if f := c.opt.Filter; f != nil && f.Notify {
		c.passListenerIn(regFile)
	}
}

// changeIDs changes to the ids of process.user. PR_SET_KEEPCAPS preserves the permitted set, and the others are set
// afterwards.
func (c rights) changeIDs() error {
	p := c.spec.Process
	if p.UID != 0 {
		for fd, wanted := range c.opt.ChownStdio {
			if wanted {
				c.call("process.user.uid", "make the user the owner of the standard streams", nsenter.Fchown,
					nsenter.Imm(fd), nsenter.Imm(p.UID), nsenter.Imm(-1)).
					ignore(unix.EINVAL, unix.EPERM, unix.EROFS)
			}
		}
		c.call("process.user.uid", "keep the permitted capabilities when the user changes", nsenter.Prctl,
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
		take := c.call("process.user.additionalGids", "set the supplementary groups", nsenter.Setgroups,
			nsenter.Imm(len(p.Groups)), nsenter.Data(string(groups), "["+strings.Join(words, ", ")+"]"))
		if len(p.Groups) == 0 && c.inUserNamespace() {
			// In a user namespace that denies setgroups(2), rt's own or a joined one, the process keeps its groups.
			take.ignore(unix.EPERM)
		}
	}
	gid, uid := nsenter.Imm(p.GID), nsenter.Imm(p.UID)
	c.call("process.user.gid", "set the group ids", nsenter.Setresgid, gid, gid, gid)
	c.call("process.user.uid", "set the user ids", nsenter.Setresuid, uid, uid, uid)
	c.clearDumpableAgain()
	return nil
}

// keepsGroups reports whether the process keeps the groups that it has.
func (c rights) keepsGroups() bool {
	_, ok := c.spec.OCI.Annotations[keepGroupsAnnotation]
	return ok
}
