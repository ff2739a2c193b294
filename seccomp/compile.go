package seccomp

import (
	"errors"
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Filter is a compiled profile.
type Filter struct {
	// Prog is what seccomp(2) loads.
	Prog []unix.SockFilter
	// Flags are SECCOMP_FILTER_FLAG_* for seccomp(2). A profile without the property gets SPEC_ALLOW; NEW_LISTENER is
	// set if Notify is.
	Flags uint32
	// Notify says that some rule answers SCMP_ACT_NOTIFY: the process that loads the filter gets a listener, and must
	// pass it to the agent.
	Notify bool

	profile *specs.LinuxSeccomp
	set     *ruleset
	archs   []*architecture // the native one first
	library bool            // libseccomp wrote the program
	// for each instruction, the entry of linux.seccomp.syscalls that asked for it, or originSearch
	origin []int32
}

// maxInstructions is BPF_MAXINSNS of linux/bpf_common.h.
const maxInstructions = 4096

// retForeign is the return value for a call of an architecture that the profile does not list: libseccomp's choice,
// kill the thread.
const retForeign = unix.SECCOMP_RET_KILL_THREAD

// A compiler is the state of a compilation.
type compiler struct {
	set     *ruleset
	asm     assembler
	archs   []*architecture
	hot     [nameCount]bool
	written []writtenLeaf
	// fixedTarget, if not -1, is the target of all calls that are not newer than the profile: the search is then only
	// the prefix of a program of libseccomp.
	fixedTarget int
}

// A writtenLeaf is a leaf with rules that already has code.
type writtenLeaf struct {
	leaf   int32
	audit  uint32
	narrow bool
	at     int
}

// Compile turns linux.seccomp into a filter for a machine of architecture arch, a GOARCH name. It makes no system call,
// unless the build tag libseccomp has that library write the program. The strings are warnings, which are returned with
// an error too: most are names of calls that no table contains and that the filter therefore leaves out. The error is a
// *diag.Error with the field of the profile, and all further problems of the profile are its More. The filter keeps p:
// don't change it afterwards.
func Compile(p *specs.LinuxSeccomp, arch string) (*Filter, []string, error) {
	list, err := parseArchs(p.Architectures, arch)
	if list == nil {
		return nil, nil, err
	}
	set, warnings, wrong := parseRules(p, list[0])
	err = joinErrors(err, wrong)
	bits, more, wrong := parseFlags(p.Flags, set.notify)
	err = joinErrors(err, wrong)
	if p.ListenerMetadata != "" && p.ListenerPath == "" {
		err = joinErrors(err, profileError("linux.seccomp.listenerMetadata", p.ListenerMetadata,
			"must not be set without linux.seccomp.listenerPath"))
	}
	if err != nil {
		return nil, warnings, err
	}
	f := &Filter{Flags: bits, Notify: set.notify, profile: p, set: set, archs: list}
	if more, err = newCompiler(set, list).generate(f, more); err != nil {
		return nil, nil, err
	}
	if len(f.Prog) > maxInstructions {
		return nil, nil, profileError("linux.seccomp.syscalls", "",
			"compiles to "+strconv.Itoa(len(f.Prog))+" instructions, and the kernel accepts "+
				strconv.Itoa(maxInstructions)+": use fewer argument rules or architectures")
	}
	return f, append(warnings, more...), nil
}

// parseArchs returns the native architecture and those that the profile adds. The native one is always included, as in
// runc: Docker leaves it out on ppc64le. If the machine itself is unknown there is no list; other errors leave out one
// architecture.
func parseArchs(names []specs.Arch, goarch string) (list []*architecture, err error) {
	native := archByGOARCH(goarch)
	if native == nil {
		return nil, &diag.Error{
			Kind: diag.Host, Field: "linux.seccomp", Value: goarch,
			Problem: "seccomp has no table for this architecture",
		}
	}
	list = append(make([]*architecture, 0, 4), native)
next:
	for i, n := range names {
		a := archByName(n)
		if a == nil {
			err = joinErrors(err, profileError("linux.seccomp.architectures["+strconv.Itoa(i)+"]", string(n),
				"is not an architecture: one of "+joinWords(Architectures())))
			continue
		}
		if a.big != native.big {
			err = joinErrors(err, profileError("linux.seccomp.architectures["+strconv.Itoa(i)+"]", string(n),
				"has another byte order than "+string(native.name)+", whose kernel can't run it"))
			continue
		}
		for _, have := range list {
			if have == a {
				continue next
			}
		}
		list = append(list, a)
	}
	return list, err
}

// joinErrors returns a and b, errors about the profile or nil, as one error: b and its More are then in the More of a.
func joinErrors(a, b error) error {
	if a == nil {
		return b
	}
	first, ok := errors.AsType[*diag.Error](a)
	if more, both := errors.AsType[*diag.Error](b); ok && both && len(first.More) < maxProblems {
		first.More = append(append(first.More, more), more.More...)
		more.More = nil
	}
	return a
}

// maxProblems bounds how many problems of one profile rt reports.
const maxProblems = 100

// newCompiler returns a compiler for the rules of set and the architectures of list, the native one first.
func newCompiler(set *ruleset, list []*architecture) *compiler {
	c := &compiler{set: set, archs: list, fixedTarget: -1}
	for _, k := range &hot {
		c.hot[k] = true
	}
	c.asm = assembler{
		nextOrigin: originSearch, code: make([]unix.SockFilter, 0, 512), origin: make([]int32, 0, 512),
		rets: make([]retAt, 0, 8),
	}
	return c
}

// writeSearch sets the program of f to a search tree.
func (c *compiler) writeSearch(f *Filter) {
	c.writeProgram()
	f.Prog, f.origin = c.asm.program()
}

// writeProgram writes the whole program, which decides the architecture first and then the call. It compares the native
// architecture first.
func (c *compiler) writeProgram() {
	next := c.fixedTarget
	if next < 0 {
		next = c.asm.ret(retForeign)
	}
	spans := make([]span, 0, 256)
	for i, m := range slices.Backward(c.archs) {
		if c.sharesNumbers(i) {
			continue
		}
		spans = c.numberSpace(spans[:0], i)
		at := c.loadInto(offNumber, c.writeTree(spans))
		next = c.asm.jump(unix.BPF_JEQ, m.audit, at, next)
	}
	c.loadInto(offArch, next)
}

// sharesNumbers reports whether an architecture before archs[i] has the same AUDIT_ARCH: x86_64 and x32.
func (c *compiler) sharesNumbers(i int) bool {
	for _, m := range c.archs[:i] {
		if m.audit == c.archs[i].audit {
			return true
		}
	}
	return false
}

// numberSpace returns the spans of all numbers under the AUDIT_ARCH of archs[i], and for x86_64 those of x32 too: they
// are the upper part of the same space of numbers.
func (c *compiler) numberSpace(list []span, i int) []span {
	m := c.archs[i]
	if m.audit != archs[0].audit {
		return c.spans(list, m)
	}
	var low, high *architecture
	for _, a := range c.archs[i:] {
		if a.audit == m.audit && a.base == x32Bit {
			high = a
		} else if a.audit == m.audit {
			low = a
		}
	}
	if low != nil {
		list = c.spans(list, low)
	} else {
		list = appendSpan(list, span{0, leafForeign, 1, m})
	}
	if high != nil {
		return c.spans(list, high)
	}
	// Without x32 its numbers are foreign. -1 is no number: a tracer sets it to skip a call (seccomp(2)), so the
	// default decides.
	list = appendSpan(list, span{x32Bit, leafForeign, 1, m})
	return appendSpan(list, span{0xffffffff, leafDefault, 1, m})
}
