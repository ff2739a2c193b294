package seccomp

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// Check returns what a profile does with one call, on a machine of architecture goarch. arch is the architecture of the
// call, by its name in the spec; "" is the native one. call is a name or a number. Missing arguments are 0. Its errors
// are those of Compile, and of kind Usage for an architecture or call that is unknown.
func Check(p *specs.LinuxSeccomp, goarch string, arch specs.Arch, call string, args ...uint64) (Verdict, error) {
	f, _, err := Compile(p, goarch)
	if err != nil {
		return Verdict{}, err
	}
	m := f.archs[0]
	if arch != "" {
		if m = archByName(arch); m == nil {
			return Verdict{}, &diag.Error{
				Kind: diag.Usage, Field: "architecture", Value: string(arch),
				Problem: "is unknown: one of " + joinWords(Architectures()),
			}
		}
	}
	c := Call{Audit: m.audit}
	if c.Number, err = m.parseCall(call); err != nil {
		return Verdict{}, err
	}
	if len(args) > len(c.Args) {
		return Verdict{}, &diag.Error{
			Kind: diag.Usage, Value: strconv.Itoa(len(args)) + " arguments",
			Problem: "a call has at most 6",
		}
	}
	copy(c.Args[:], args)
	v := readProfile(p, f.archs).decide(&c)
	t, err := Eval(f.Prog, f.archs[0].big, &c)
	if err != nil {
		return Verdict{}, &diag.Error{
			Kind: diag.Document, Field: "linux.seccomp",
			Problem: "the program of " + Backend() + " does not run", Err: err,
		}
	}
	v.Steps = t.Steps
	if t.Return != v.Return { // the kernel obeys the program
		v = Verdict{
			Return: t.Return, Entry: -1, Steps: t.Steps,
			Why: "the program of " + Backend() + " differs from the profile, which answers " + ActionText(v.Return) +
				" by " + v.Why,
		}
	}
	return v, nil
}

// parseCall turns a name or a number into the number.
func (m *architecture) parseCall(call string) (uint32, error) {
	if n, err := strconv.ParseUint(call, 0, 32); err == nil {
		return uint32(n), nil
	}
	k := lookup(call)
	if k < 0 {
		return 0, &diag.Error{
			Kind: diag.Usage, Field: "call", Value: call,
			Problem: "is no system call of Linux " + TableVersion + " on any architecture",
		}
	}
	nr, ok := m.number(k)
	if !ok {
		return 0, &diag.Error{
			Kind: diag.Usage, Field: "call", Value: call,
			Problem: "is not a system call of " + string(m.name),
		}
	}
	return nr, nil
}

// CallName returns the architecture and the name of a call in a notification or an audit record. Either is "" if it is
// unknown.
func CallName(audit, number uint32) (specs.Arch, string) {
	for i := range archs {
		m := &archs[i]
		if m.audit == audit && (audit != archs[0].audit || (number >= x32Bit) == (m.base == x32Bit)) {
			return m.name, m.nameOf(number)
		}
	}
	return "", ""
}

// CheckDeadlock returns an error if the filter may answer one of these native calls with SCMP_ACT_NOTIFY. calls are
// those that the boot process still makes after it has loaded the filter and before the agent has the listener: nobody
// could answer them, so the start would wait forever.
func (f *Filter) CheckDeadlock(calls []uint32) error {
	for _, nr := range calls {
		m := f.archs[0]
		l, name := int32(leafDefault), m.nameOf(nr)
		if name != "" {
			l = f.set.leafOf[lookup(name)]
		}
		body := &f.set.leaves[l]
		entry := int32(-1)
		if body.final && rank(body.rest) == rankNotify {
			entry = f.set.finalEntry[lookup(name)]
		}
		for _, r := range body.rules {
			if rank(f.set.rules[r].ret) == rankNotify {
				entry = f.set.rules[r].origin
				break
			}
		}
		field := "linux.seccomp.defaultAction"
		if entry >= 0 {
			field = entryPath(int(entry)) + ".action"
		} else if body.final || rank(f.set.defaultReturn) != rankNotify {
			continue
		}
		e := profileError(field, string(specs.ActNotify),
			"would stop "+name+", which the container's start needs before the agent can answer")
		e.Hint = "allow " + name + " with an entry of its own"
		return e
	}
	return nil
}

// CheckNeeded returns an error if the filter refuses a native call whatever its arguments are: the call fails, or kills
// the process. The clause what says why the call is needed.
func (f *Filter) CheckNeeded(number uint32, what string) *diag.Error {
	name := f.archs[0].nameOf(number)
	k := lookup(name)
	if k < 0 {
		return nil
	}
	body := &f.set.leaves[f.set.leafOf[k]]
	for _, r := range body.rules {
		if !refuses(f.set.rules[r].ret) {
			return nil
		}
	}
	if !refuses(body.rest) {
		return nil
	}
	field := "linux.seccomp.defaultAction"
	if body.final {
		field = entryPath(int(f.set.finalEntry[k])) + ".action"
	}
	e := profileError(field, ActionText(body.rest), "refuses "+name+", "+what)
	e.Hint = "allow " + name + " with an entry of its own"
	return e
}

// refuses reports whether a filter that returns ret keeps the call from happening, without asking anyone.
func refuses(ret uint32) bool { return rank(ret) < rankNotify }

// Allows reports whether the filter allows a native call, by its number and the arguments that are given; all others
// count as 0.
func (f *Filter) Allows(number uint32, args ...uint64) bool {
	call := Call{Audit: f.archs[0].audit, Number: number}
	copy(call.Args[:], args)
	t, err := Eval(f.Prog, f.archs[0].big, &call)
	return err == nil && (t.Return == unix.SECCOMP_RET_ALLOW || t.Return == unix.SECCOMP_RET_LOG)
}
