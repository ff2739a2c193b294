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
	// hand it over.
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
	// through, if not -1, is the target of all calls that are not newer than the profile: the search is then only a
	// prefix of another program.
	through int
}

// A writtenLeaf is a leaf with rules that already has code.
type writtenLeaf struct {
	leaf   int32
	audit  uint32
	narrow bool
	at     int
}

// Compile turns linux.seccomp into a filter for a machine of architecture arch, a GOARCH name. It makes no system call,
// unless the build tag libseccomp has that library write the program. The strings are warnings: names of calls that no
// table knows and that the filter therefore leaves out; they are returned with an error too. The error is a *diag.Error
// with the field of the profile, and all further problems of the profile are its More. The filter keeps p: don't change
// it afterwards.
func Compile(p *specs.LinuxSeccomp, arch string) (*Filter, []string, error) {
	list, err := parseArchs(p.Architectures, arch)
	if list == nil {
		return nil, nil, err
	}
	set, warnings, wrong := parseRules(p, list[0])
	err = merge(err, wrong)
	bits, more, wrong := parseFlags(p.Flags, set.notify)
	err = merge(err, wrong)
	if p.ListenerMetadata != "" && p.ListenerPath == "" {
		err = merge(err, invalid("linux.seccomp.listenerMetadata", p.ListenerMetadata,
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
		return nil, nil, invalid("linux.seccomp.syscalls", "",
			"compiles to "+strconv.Itoa(len(f.Prog))+" instructions, and the kernel takes "+
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
			err = merge(err, invalid("linux.seccomp.architectures["+strconv.Itoa(i)+"]", string(n),
				"is not an architecture: one of "+joinWords(Architectures())))
			continue
		}
		if a.big != native.big {
			err = merge(err, invalid("linux.seccomp.architectures["+strconv.Itoa(i)+"]", string(n),
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

// merge returns a and b, errors of the profile or nil, as one error.
func merge(a, b error) error {
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

func newCompiler(set *ruleset, list []*architecture) *compiler {
	c := &compiler{set: set, archs: list, through: -1}
	for _, k := range &hot {
		c.hot[k] = true
	}
	c.asm = assembler{
		why: originSearch, code: make([]unix.SockFilter, 0, 512), origin: make([]int32, 0, 512),
		rets: make([]retAt, 0, 8),
	}
	return c
}

// search generates the program in pure Go.
func (c *compiler) search(f *Filter) {
	c.dispatch()
	f.Prog, f.origin = c.asm.program()
}

// dispatch writes the whole program: first the architecture is decided, then the call. The native architecture is
// compared first.
func (c *compiler) dispatch() {
	next := c.through
	if next < 0 {
		next = c.asm.ret(retForeign)
	}
	spans := make([]span, 0, 256)
	for i, m := range slices.Backward(c.archs) {

		if c.sharesEarlier(i) {
			continue
		}
		spans = c.space(spans[:0], i)
		at := c.loadInto(offNumber, c.tree(spans))
		next = c.asm.jump(unix.BPF_JEQ, m.audit, at, next)
	}
	c.loadInto(offArch, next)
}

// sharesEarlier reports whether an architecture before archs[i] has the same AUDIT_ARCH: x86_64 and x32.
func (c *compiler) sharesEarlier(i int) bool {
	for _, m := range c.archs[:i] {
		if m.audit == c.archs[i].audit {
			return true
		}
	}
	return false
}

// space returns all numbers under the AUDIT_ARCH of archs[i], and for x86_64 those of x32 too: they are the upper part
// of the same space.
func (c *compiler) space(list []span, i int) []span {
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
