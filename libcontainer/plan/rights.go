package plan

import (
	"encoding/binary"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// rights drops the rights that the user's program must not have. The order matters (capabilities(7), seccomp(2)):
//
//   - the bounding set while CAP_SETPCAP is there, before the user changes;
//   - the user, then the other sets: a change of the user clears sets that are set before it;
//   - seccomp without no_new_privs needs CAP_SYS_ADMIN, so it comes before the capabilities are gone; with no_new_privs
//     it is the last call before the execve, so that the profile has to allow none of ours.
func (c *compiler) rights() error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	caps := c.grantable(p)
	if err := c.becomeUser(p, caps); err != nil {
		return err
	}
	if !p.NoNewPrivs {
		c.filterByRights(p)
		c.listen()
	}
	c.finalSets(p, caps)
	if p.NoNewPrivs {
		c.filter()
		c.listen()
	}
	return nil
}

// becomeUser drops the bounding set, and changes to the ids of the program.
func (c *compiler) becomeUser(p *spec.Process, caps spec.Capabilities) error {
	const last = 63
	for n := 0; n <= int(c.host.CapLast) && n <= last; n++ {
		if caps.Bounding&(1<<n) == 0 {
			c.prctl("process.capabilities.bounding", "drop from the bounding set", unix.PR_CAPBSET_DROP,
				nsenter.Flags(&nsenter.Capabilities, n))
		}
	}
	if err := c.user(); err != nil {
		return err
	}
	c.do("process.user.umask", "set the umask", nsenter.Umask, nsenter.Flags(&nsenter.Octal, p.Umask))
	c.endCwd(p)
	if p.NoNewPrivs {
		c.prctl("process.noNewPrivileges", "set no_new_privs", unix.PR_SET_NO_NEW_PRIVS, nsenter.Imm(1))
	}
	return nil
}

// filterByRights loads the filter without no_new_privs: that takes CAP_SYS_ADMIN in the effective set, which a change
// of the user has cleared.
func (c *compiler) filterByRights(p *spec.Process) {
	if c.opt.Filter != nil && p.UID != 0 {
		all := c.host.Caps & (1<<(c.host.CapLast+1) - 1)
		if c.spec.Namespaces.Has(unix.CLONE_NEWUSER) {
			all = 1<<(c.host.CapLast+1) - 1
		}
		c.capset(p, "set the capabilities that seccomp(2) requires", all, all, 0)
	}
	c.filter()
}

// finalSets sets the capabilities of the program.
func (c *compiler) finalSets(p *spec.Process, caps spec.Capabilities) {
	c.capset(p, "set the capabilities of the program", caps.Effective, caps.Permitted, caps.Inheritable)
	c.ambient(caps.Ambient)
}

func (c *compiler) prctl(origin, sentence string, option int, arg nsenter.Arg) step {
	return c.do(origin, sentence, nsenter.Prctl, nsenter.Flags(&nsenter.PrctlOptions, option), arg, nsenter.Imm(0),
		nsenter.Imm(0), nsenter.Imm(0))
}

// grantable returns the capability sets without those capabilities that rt lacks, or that this kernel does not know:
// config.md asks for a warning for them. In a new user namespace the first process has all of them.
func (c *compiler) grantable(p *spec.Process) spec.Capabilities {
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

// capset sets three sets in one call: capset(2), version 3.
func (c *compiler) capset(p *spec.Process, sentence string, effective, permitted, inheritable uint64) {
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
	c.do(origin, sentence, nsenter.Capset, nsenter.Data(string(header[:]), "{version 3}"),
		nsenter.Data(string(data[:]), text))
}

// ambient sets the ambient set. Only capabilities that are permitted and inheritable can be in it; others are left out
// with a warning, as in the other runtimes.
func (c *compiler) ambient(set uint64) {
	const origin = "process.capabilities.ambient"
	c.prctl(origin, "clear the ambient set", unix.PR_CAP_AMBIENT,
		nsenter.Flags(&nsenter.AmbientOptions, unix.PR_CAP_AMBIENT_CLEAR_ALL)).
		ignore(unix.EINVAL)
	for n := range 64 {
		if set&(1<<n) != 0 {
			c.do(origin, "add it to the ambient set", nsenter.Prctl,
				nsenter.Flags(&nsenter.PrctlOptions, unix.PR_CAP_AMBIENT),
				nsenter.Flags(&nsenter.AmbientOptions, unix.PR_CAP_AMBIENT_RAISE), nsenter.Flags(&nsenter.Capabilities,
					n), nsenter.Imm(0), nsenter.Imm(0)).
				ignore(unix.EPERM)
		}
	}
}

// endCwd enters the working directory as the user of the process, if its root could not: see cwd. No descriptor is open
// any more, and it leaves none open.
func (c *compiler) endCwd(p *spec.Process) {
	if !c.cwdAgain(p) {
		return
	}
	const origin = "process.cwd"
	again, end := c.newLabel(), c.newLabel()
	// Steps can't compare, but this option takes 0 and no negative number: prctl(2).
	c.prctl(origin, "check whether the working directory is entered already", unix.PR_CAPBSET_READ,
		nsenter.Val(regCwd)).then(end).on(again, unix.EINVAL)
	c.mark(again)
	c.do(origin, "open the root", nsenter.Openat, nsenter.Cwd, nsenter.Str("/"),
		nsenter.Flags(&nsenter.OpenFlags, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC)).to(regRoot)
	c.open(origin, "open it as the user of the process", regRoot, p.Cwd, howDir).to(regCwd)
	c.do(origin, "enter it", nsenter.Fchdir, nsenter.Val(regCwd))
	c.do("", "", nsenter.Close, nsenter.Val(regCwd))
	c.do("", "", nsenter.Close, nsenter.Val(regRoot))
	c.mark(end)
}

// cwdAgain reports whether endCwd has steps.
func (c *compiler) cwdAgain(p *spec.Process) bool {
	return p.UID != 0 && p.Cwd != "/"
}

// filter loads linux.seccomp.
func (c *compiler) filter() {
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
	load := c.do("linux.seccomp", "load the filter", nsenter.Seccomp,
		nsenter.Flags(&nsenter.SeccompOps, unix.SECCOMP_SET_MODE_FILTER),
		nsenter.Flags(&nsenter.SeccompFlags, f.Flags),
		nsenter.Data(string(program[:]), "{"+text+"}", nsenter.Ref{
			Offset: 8, Size: 8,
			Arg: nsenter.Data(string(code), text),
		}))
	if f.Notify {
		load.to(regFile)
	}
}

// listen hands the listener of the filter over, if it has one.
func (c *compiler) listen() {
	if f := c.opt.Filter; f != nil && f.Notify {
		c.listener(regFile)
	}
}
