//go:build libseccomp

package seccomp

import (
	"errors"
	"os"
	"runtime"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Backend returns the name of what writes the programs, with the version that engines look for in `features`.
func Backend() string {
	major, minor, micro := lib.GetLibraryVersion()
	return "libseccomp " + strconv.Itoa(int(major)) + "." + strconv.Itoa(int(minor)) + "." + strconv.Itoa(int(micro))
}

// binaryTreeFrom is the number of entries from which libseccomp's own search tree is worth its set-up, as in runc.
const binaryTreeFrom = 8

// generate has libseccomp write the program of f, after a prefix that answers ENOSYS, which the library can't express.
func (c *compiler) generate(f *Filter, warnings []string) ([]string, error) {
	level := 1
	if len(f.profile.Syscalls) >= binaryTreeFrom {
		level = 2
	}
	prog, warnings, err := library(f.profile, c.archs, level, warnings)
	if err != nil {
		return nil, err
	}
	f.library = true
	c.prefix(prog)
	f.Prog, f.origin = c.asm.program()
	return warnings, nil
}

// prefix writes the search for calls that are newer than the profile, in front of prog.
func (c *compiler) prefix(prog []unix.SockFilter) {
	for i := len(prog) - 1; i >= 0; i-- {
		c.asm.emit(prog[i])
	}
	c.fixedTarget = len(c.asm.code) - 1
	if !isPermissive(c.set.defaultReturn) {
		c.writeProgram()
	}
}

// library has libseccomp write the program of p for the architectures of list, at an optimization level of
// seccomp_attr_set(3).
func library(p *specs.LinuxSeccomp, list []*architecture, level int,
	warnings []string,
) ([]unix.SockFilter, []string, error) {
	if host := archByGOARCH(runtime.GOARCH); host != nil && host.big != list[0].big {
		// Its tests cover this, but returns that it inserts for far jumps come out in the byte order of the host.
		return nil, nil, refused("linux.seccomp", errors.New("it can't write for a machine of another byte order"))
	}
	filter, err := newFilter(p, list, level)
	if err != nil {
		return nil, nil, err
	}
	defer filter.Release()
	deny, _ := libraryAction(p.DefaultAction, p.DefaultErrnoRet)
	for i := range p.Syscalls {
		e := &p.Syscalls[i]
		answer, err := libraryAction(e.Action, e.ErrnoRet)
		if err != nil {
			return nil, nil, refused(entryPath(i), err)
		}
		if answer == deny {
			continue
		}
		for j, name := range e.Names {
			nr, err := lib.GetSyscallFromName(name)
			if err != nil {
				if lookup(name) >= 0 {
					warnings = append(warnings,
						entryPath(i)+".names["+strconv.Itoa(j)+"] "+strconv.Quote(name)+": "+Backend()+
							" does not know this "+
							"call; the rule leaves it out")
				}
				continue
			}
			if err := addTo(filter, nr, answer, e.Args); err != nil {
				return nil, nil, refused(entryPath(i), err)
			}
		}
	}
	raw, err := export(filter)
	if err != nil {
		return nil, nil, refused("linux.seccomp", err)
	}
	return decode(raw, list[0].big), warnings, nil
}

// export returns the program as bytes. Before 2.6 the library writes only to files.
func export(filter *lib.ScmpFilter) ([]byte, error) {
	if raw, err := filter.ExportBPFMem(); err == nil {
		return raw, nil
	}
	fd, err := unix.MemfdCreate("seccomp", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "seccomp")
	defer file.Close()
	if err := filter.ExportBPF(file); err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	raw := make([]byte, st.Size)
	_, err = file.ReadAt(raw, 0)
	return raw, err
}

// newFilter returns an empty filter of the library for the architectures of list.
func newFilter(p *specs.LinuxSeccomp, list []*architecture, level int) (*lib.ScmpFilter, error) {
	deny, err := libraryAction(p.DefaultAction, p.DefaultErrnoRet)
	if err != nil {
		return nil, refused("linux.seccomp.defaultAction", err)
	}
	filter, err := lib.NewFilter(deny)
	if err != nil {
		return nil, refused("linux.seccomp.defaultAction", err)
	}
	native, err := lib.GetNativeArch()
	if err == nil {
		err = filter.RemoveArch(native) // it fixes the byte order, and Compile may be asked for another machine
	}
	for _, m := range list {
		if err != nil {
			break
		}
		var a lib.ScmpArch
		// The library's words are the spec's in lower case without their prefix.
		if a, err = lib.GetArchFromString(libraryArch(m.name)); err == nil {
			err = filter.AddArch(a)
		}
	}
	if err == nil {
		err = filter.SetOptimize(level)
	}
	if err != nil {
		filter.Release()
		return nil, refused("linux.seccomp.architectures", err)
	}
	return filter, nil
}

// libraryArch returns the name of an architecture for GetArchFromString.
func libraryArch(name specs.Arch) string {
	const prefix = len("SCMP_ARCH_")
	b := []byte(name)[prefix:]
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// addTo adds one entry for one call, with runc's reading of two conditions on one argument: see addRules.
func addTo(filter *lib.ScmpFilter, nr lib.ScmpSyscall, answer lib.ScmpAction, args []specs.LinuxSeccompArg) error {
	if len(args) == 0 {
		return filter.AddRule(nr, answer)
	}
	var list []lib.ScmpCondition
	var seen [6]bool
	twice := false
	for _, a := range args {
		op, err := libraryOperator(a.Op)
		if err != nil {
			return err
		}
		x, err := lib.MakeCondition(a.Index, op, a.Value, a.ValueTwo)
		if err != nil {
			return err
		}
		twice = twice || seen[a.Index]
		seen[a.Index] = true
		list = append(list, x)
	}
	if !twice {
		return filter.AddRuleConditional(nr, answer, list)
	}
	for i := range list {
		if err := filter.AddRuleConditional(nr, answer, list[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// decode decodes the struct sock_filters that the library exports, in the byte order of their machine.
func decode(raw []byte, big bool) []unix.SockFilter {
	out := make([]unix.SockFilter, len(raw)/8)
	for i := range out {
		b := raw[8*i:]
		if big {
			out[i] = unix.SockFilter{
				Code: uint16(b[0])<<8 | uint16(b[1]), Jt: b[2], Jf: b[3],
				K: uint32(b[4])<<24 | uint32(b[5])<<16 | uint32(b[6])<<8 | uint32(b[7]),
			}
		} else {
			out[i] = unix.SockFilter{
				Code: uint16(b[1])<<8 | uint16(b[0]), Jt: b[2], Jf: b[3],
				K: uint32(b[7])<<24 | uint32(b[6])<<16 | uint32(b[5])<<8 | uint32(b[4]),
			}
		}
	}
	return out
}

// libraryAction returns the library's constant for an action and its errno.
func libraryAction(name specs.LinuxSeccompAction, errno *uint) (lib.ScmpAction, error) {
	data := int16(unix.EPERM)
	if errno != nil {
		data = int16(*errno)
	}
	switch name {
	case specs.ActKill, specs.ActKillThread:
		return lib.ActKillThread, nil
	case specs.ActKillProcess:
		return lib.ActKillProcess, nil
	case specs.ActTrap:
		return lib.ActTrap, nil
	case specs.ActErrno:
		return lib.ActErrno.SetReturnCode(data), nil
	case specs.ActTrace:
		return lib.ActTrace.SetReturnCode(data), nil
	case specs.ActAllow:
		return lib.ActAllow, nil
	case specs.ActLog:
		return lib.ActLog, nil
	case specs.ActNotify:
		return lib.ActNotify, nil
	}
	return lib.ActInvalid, errors.New("no such action: " + string(name))
}

// libraryOperator returns the library's constant for an operator.
func libraryOperator(op specs.LinuxSeccompOperator) (lib.ScmpCompareOp, error) {
	switch op {
	case specs.OpNotEqual:
		return lib.CompareNotEqual, nil
	case specs.OpLessThan:
		return lib.CompareLess, nil
	case specs.OpLessEqual:
		return lib.CompareLessOrEqual, nil
	case specs.OpEqualTo:
		return lib.CompareEqual, nil
	case specs.OpGreaterEqual:
		return lib.CompareGreaterEqual, nil
	case specs.OpGreaterThan:
		return lib.CompareGreater, nil
	case specs.OpMaskedEqual:
		return lib.CompareMaskedEqual, nil
	}
	return lib.CompareInvalid, errors.New("no such operator: " + string(op))
}

// refused returns an error of the library.
func refused(field string, err error) *diag.Error {
	return &diag.Error{Kind: diag.Document, Field: field, Problem: Backend() + " refuses it", Err: err}
}
