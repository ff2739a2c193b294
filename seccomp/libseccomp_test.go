//go:build libseccomp

package seccomp

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// littleEndian are the machines that the library can write for on a test machine.
func littleEndian() []*architecture {
	var out []*architecture
	for _, m := range natives() {
		if _, ok := libraryKnows(m); ok && !m.big {
			out = append(out, m)
		}
	}
	return out
}

// libraryKnows is the library's value for an architecture; older releases know fewer.
func libraryKnows(m *architecture) (lib.ScmpArch, bool) {
	a, err := lib.GetArchFromString(libraryArch(m.name))
	if err == nil {
		_, err = lib.GetSyscallFromNameByArch("read", a)
	}
	return a, err == nil
}

// both compiles p with rt's own generator and with libseccomp.
func both(t *testing.T, p *specs.LinuxSeccomp, goarch string) (own, theirs *Filter) {
	t.Helper()
	theirs, _, err := Compile(p, goarch)
	if err != nil {
		t.Fatal(err)
	}
	own, err = searched(p, goarch)
	if err != nil {
		t.Fatal(err)
	}
	return own, theirs
}

// shared reports whether the library has our number of a call on every architecture it knows.
func shared(name string) bool {
	k := lookup(name)
	for i := range archs {
		a, ok := libraryKnows(&archs[i])
		if !ok {
			continue
		}
		nr, err := lib.GetSyscallFromNameByArch(name, a)
		own, has := archs[i].number(k)
		if err == nil && nr < 0 && nr > -300 && archs[i].mux {
			continue // a call that socketcall(2) or ipc(2) carries: the library hides its own number
		}
		if err != nil || has != (nr >= 0) || has && uint32(nr) != own {
			return false
		}
	}
	return true
}

// known cuts p down to calls that shared is true of.
func known(p *specs.LinuxSeccomp, names map[string]bool) {
	for i := range p.Syscalls {
		e := &p.Syscalls[i]
		var keep []string
		for _, n := range e.Names {
			if names[n] {
				keep = append(keep, n)
			}
		}
		if len(keep) == 0 {
			keep = []string{"read"}
		}
		e.Names = keep
	}
}

// sharedNames are the calls about which the tables agree.
func sharedNames(t testing.TB) map[string]bool {
	names := make(map[string]bool)
	for i := range nameCount {
		// The library has one internal number for both switch_endian and sys_debug_setcontext, so it mixes them up.
		if n := nameAt(i); shared(n) && n != "switch_endian" && n != "sys_debug_setcontext" {
			names[n] = true
		}
	}
	t.Logf("%s and Linux %s agree about %d of %d calls", Backend(), TableVersion, len(names), nameCount)
	if len(names) < nameCount*8/10 {
		t.Fatal("too few: do the tables still mean the same?")
	}
	return names
}

// requireSameAnswers runs both programs on every number and the arguments of list.
func requireSameAnswers(t *testing.T, own, theirs *Filter, list [][6]uint64) {
	t.Helper()
	for _, m := range own.archs {
		for _, nr := range numbersOf(own, m) {
			few := list
			k := lookup(m.nameOf(nr))
			if k < 0 || own.set.leafOf[k] == leafDefault && k != idxSocketcall && k != idxIpc {
				few = list[:1]
			}
			for _, a := range few {
				call := Call{Audit: m.audit, Number: nr, Args: a}
				x, err := Eval(own.Prog, own.archs[0].big, &call)
				y, err2 := Eval(theirs.Prog, own.archs[0].big, &call)
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
				if x.Return != y.Return {
					t.Fatalf("%s %s (%d) %x: rt says %s, %s says %s\n%s", m.name, m.nameOf(nr), nr, a,
						ActionText(x.Return), Backend(), ActionText(y.Return),
						about(own.profile, m.nameOf(nr)))
				}
			}
		}
	}
}

// peacefulProfile is a random profile of which both have the same idea: see README.md for those that libseccomp gets
// wrong and those it refuses. Its argument rules answer alike, so that their order does not matter. Either they compare
// in any way, and then a call has only one, or a call has many, and then they compare for equality.
func peacefulProfile(d *dice, native *architecture) *specs.LinuxSeccomp {
	p := randomHead(d, native)
	p.Architectures = slices.DeleteFunc(p.Architectures, func(a specs.Arch) bool {
		_, known := libraryKnows(&archs[slices.IndexFunc(archs[:], func(m architecture) bool { return m.name == a })])
		return !known
	})
	common := actions[d.below(len(actions))].name
	errno := randomErrno(d, common)
	many := d.below(2) == 0
	used := make(map[string]bool)
	for n := d.below(12); n > 0; n-- {
		e := specs.LinuxSyscall{Action: common, ErrnoRet: errno}
		withArgs := d.below(2) == 0
		for k := 1 + d.below(40); k > 0; k-- {
			name := randomName(d)
			carried := carries("socketcall", name) != 0 || carries("ipc", name) != 0
			if withArgs && !many && (carried || used[name]) {
				continue
			}
			used[name] = used[name] || withArgs
			e.Names = append(e.Names, name)
		}
		if !withArgs && d.below(2) == 0 {
			e.Action = actions[d.below(len(actions))].name
			e.ErrnoRet = randomErrno(d, e.Action)
			for i, name := range e.Names {
				if carries("socketcall", name) != 0 || carries("ipc", name) != 0 {
					e.Names[i] = "read"
				}
			}
		}
		for _, i := range []uint{0, 1, 2, 3, 4, 5}[d.below(6):] {
			if withArgs && (len(e.Args) == 0 || d.below(2) == 0) {
				e.Args = append(e.Args, peacefulArg(d, i, many))
			}
		}
		p.Syscalls = append(p.Syscalls, e)
	}
	return p
}

// masks have a bit in their lower half, so that no architecture finds them empty.
var masks = []uint64{1, 7, 0xff, 0x7e020000, 0x80000000, 0xffffffff, 0x100000001, 0xffffffffffffffff}

// peacefulArg is a condition that is neither always nor never true on a 32-bit architecture.
func peacefulArg(d *dice, index uint, equality bool) specs.LinuxSeccompArg {
	a := specs.LinuxSeccompArg{
		Index: index, Op: operators[d.below(len(operators))],
		Value: values[d.below(len(values))],
	}
	if equality && a.Op != specs.OpMaskedEqual {
		a.Op = specs.OpEqualTo
	}
	if a.Op == specs.OpMaskedEqual {
		a.Value, a.ValueTwo = masks[d.below(len(masks))], values[d.below(len(values))]
	}
	return a
}

// carries is the first argument with which carrier is the call n; 0 if it does not carry it.
func carries(carrier, n string) uint16 {
	for _, x := range multiplexed {
		if nameAt(int(x.name)) == n && nameAt(int(x.carrier)) == carrier {
			return x.selector
		}
	}
	return 0
}

// about prints the entries of p that name a call.
func about(p *specs.LinuxSeccomp, name string) string {
	out := "default " + string(p.DefaultAction)
	for i, e := range p.Syscalls {
		if slices.Contains(e.Names, name) || carries(name, e.Names[0]) != 0 {
			e.Names = nil
			b, _ := json.Marshal(e)
			out += "\n" + entryPath(i) + " " + string(b)
		}
	}
	return out
}

// lacksNumber reports whether a program compares the architecture with the number of a call: libseccomp has left out
// the load of the number. An AUDIT_ARCH_* of a little-endian machine has the bit 30, and the numbers of calls have not.
func lacksNumber(f *Filter) bool {
	const number, arch, other = 1, 2, 4
	const littleEndian = 0x40000000  // __AUDIT_ARCH_LE of linux/audit.h
	in := make([]int, len(f.Prog)+1) // what the accumulator may hold before each instruction
	in[0] = other
	for pc, i := range f.Prog {
		holds := in[pc]
		switch i.Code & 7 {
		case unix.BPF_LD:
			holds = map[uint32]int{offNumber: number, offArch: arch}[i.K]
			if holds == 0 {
				holds = other
			}
			in[pc+1] |= holds
		case unix.BPF_JMP:
			if i.Code == unix.BPF_JMP|unix.BPF_JA {
				in[pc+1+int(i.K)] |= holds
				continue
			}
			if holds&arch != 0 && i.K < littleEndian {
				return true
			}
			in[pc+1+int(i.Jt)] |= holds
			in[pc+1+int(i.Jf)] |= holds
		case unix.BPF_RET:
		default:
			in[pc+1] |= other
		}
	}
	return false
}

// TestLibraryLacksNumber: libseccomp leaves out the load of the number if the first entry names a call that the
// architecture has not. The profile means what rt makes of it: accept(2) with a sixth argument of 0 is a trap.
func TestLibraryLacksNumber(t *testing.T) {
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"signal"}, Action: specs.ActTrap},
		{Names: []string{"accept"}, Action: specs.ActTrap, Args: []specs.LinuxSeccompArg{{
			Index: 5, Op: specs.OpEqualTo,
		}}},
	}}
	own, theirs := both(t, p, "arm64")
	m := own.archs[0]
	accept, _ := m.number(lookup("accept"))
	call := Call{Audit: m.audit, Number: accept}
	x, err := Eval(own.Prog, m.big, &call)
	if err != nil || x.Return != unix.SECCOMP_RET_TRAP {
		t.Errorf("rt says %s: %v", ActionText(x.Return), err)
	}
	y, err := Eval(theirs.Prog, m.big, &call)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := y.Return != unix.SECCOMP_RET_TRAP; wrong != lacksNumber(theirs) {
		t.Errorf("%s says %s; it lacks the number: %v", Backend(), ActionText(y.Return), lacksNumber(theirs))
	}
	if lacksNumber(own) {
		t.Error("rt's own program lacks the number")
	}
}

func TestRealProfilesAgreeWithLibseccomp(t *testing.T) {
	names := sharedNames(t)
	for file, p := range profiles(t) {
		t.Run(file, func(t *testing.T) {
			known(p, names)
			for _, m := range littleEndian() {
				q := *p
				if m.goarch != "amd64" {
					q.Architectures = nil
				}
				own, theirs := both(t, &q, m.goarch)
				requireSameAnswers(t, own, theirs, argsOf(p))
			}
		})
	}
}

func TestRandomProfilesAgreeWithLibseccomp(t *testing.T) {
	names := sharedNames(t)
	refused, lacking := 0, 0
	for seed := range uint64(300) {
		d := randomBytes(seed)
		m := littleEndian()[int(seed)%len(littleEndian())]
		p := peacefulProfile(d, m)
		known(p, names)
		own, err := searched(p, m.goarch)
		if err != nil {
			t.Fatal(err)
		}
		theirs, _, err := Compile(p, m.goarch)
		if err != nil {
			// An entry that contradicts an earlier one is EEXIST there; rt goes by the rules of extend.
			t.Logf("seed %d: %v", seed, err)
			refused++
			continue
		}
		if lacksNumber(theirs) {
			lacking++
			continue
		}
		requireSameAnswers(t, own, theirs, manyArgs(d, p))
	}
	t.Logf("%s refused %d profiles of 300, and left out the load of the number in %d", Backend(), refused, lacking)
	if refused > 40 || lacking > 60 {
		t.Error("too many: is the test still about anything?")
	}
}

// FuzzAgreesWithLibseccomp is TestRandomProfilesAgreeWithLibseccomp with a fuzzer's dice.
func FuzzAgreesWithLibseccomp(f *testing.F) {
	names := sharedNames(f)
	for seed := range uint64(4) {
		f.Add(randomBytes(seed).bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &dice{b}
		m := littleEndian()[d.below(len(littleEndian()))]
		p := peacefulProfile(d, m)
		known(p, names)
		own, err := searched(p, m.goarch)
		if err != nil {
			t.Fatal(err)
		}
		theirs, _, err := Compile(p, m.goarch)
		if err != nil {
			return // as in TestRandomProfilesAgreeWithLibseccomp
		}
		if lacksNumber(theirs) {
			return
		}
		requireSameAnswers(t, own, theirs, argsOf(p))
	})
}
