package seccomp

import (
	"io"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Fprint writes the filter for people: what it costs, then one line per instruction with the entry of the profile
// behind it.
//
//	 2: ld   nr
//	 3: jge  257 ? 71 : 4               # SCMP_ARCH_X86_64: openat and above
//	71: jeq  435 ? 90 : 72              # SCMP_ARCH_X86_64: clone3
//	90: ret  SCMP_ACT_ERRNO(ENOSYS)     # linux.seccomp.syscalls[11]
func (f *Filter) Fprint(w io.Writer) error {
	var b strings.Builder
	f.writeSummary(&b)
	views := f.views()
	for pc := range f.Prog {
		f.writeLine(&b, pc, &views[pc])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeSummary writes the header, as comments. If libseccomp writes the programs, it shows the size of rt's own next to
// theirs.
func (f *Filter) writeSummary(b *strings.Builder) {
	f.writeCost(b)
	if f.library {
		own := &Filter{profile: f.profile, set: f.set, archs: f.archs}
		newCompiler(f.set, f.archs).writeSearch(own)
		own.writeCost(b)
	}
}

// writeCost writes what the filter costs, as comments.
func (f *Filter) writeCost(b *strings.Builder) {
	s, author := f.Stats(), "rt"
	if f.library {
		author = Backend()
	}
	b.WriteString("# " + strconv.Itoa(s.Length) + " instructions by " + author + " for " + f.archs[0].goarch +
		", default " + ActionText(f.set.defaultReturn) + "\n")
	b.WriteString("# " + strconv.Itoa(s.Allowed) + " calls are allowed, in " + formatDecimal(s.AverageAllowed) +
		" instructions on average, the hot ones in " +
		formatDecimal(s.AverageHot) + "; worst " + strconv.Itoa(s.Worst) + " (" + s.WorstCall + "); " +
		strconv.Itoa(s.Constant) + " answers are constant, so Linux 5.11 caches them\n")
}

func formatDecimal(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// A view is the state in front of an instruction: the architecture that was decided and the content of the accumulator.
type view struct {
	seen bool
	m    *architecture // nil: not decided yet
	acc  uint32        // offset in seccomp_data of the word in the accumulator
}

// views returns the state in front of each instruction: it follows every path through the program once.
func (f *Filter) views() []view {
	out := make([]view, len(f.Prog))
	var walk func(pc int, v view)
	walk = func(pc int, v view) {
		for pc < len(f.Prog) && !out[pc].seen {
			v.seen = true
			out[pc] = v
			i := &f.Prog[pc]
			switch {
			case i.Code == unix.BPF_LD|unix.BPF_W|unix.BPF_ABS:
				v.acc = i.K
			case i.Code == unix.BPF_RET|unix.BPF_K:
				return
			case i.Code == unix.BPF_JMP|unix.BPF_JA:
				pc += int(i.K)
			case i.Code&7 == unix.BPF_JMP:
				yes := v
				if v.acc == offArch {
					yes.m = f.archOf(i.K)
				}
				walk(pc+1+int(i.Jt), yes)
				pc += int(i.Jf)
			}
			pc++
		}
	}
	walk(0, view{acc: offArch})
	return out
}

// archOf returns the first architecture of the filter with this AUDIT_ARCH.
func (f *Filter) archOf(audit uint32) *architecture {
	for _, m := range f.archs {
		if m.audit == audit {
			return m
		}
	}
	return nil
}

// writeLine writes one instruction and its comment.
func (f *Filter) writeLine(b *strings.Builder, pc int, v *view) {
	i := &f.Prog[pc]
	number := strconv.Itoa(pc)
	b.WriteString(strings.Repeat(" ", max(0, 4-len(number))) + number + ": ")
	text := f.formatInstruction(i, pc, v)
	b.WriteString(text)
	if c := f.commentOn(i, pc, v); c != "" {
		b.WriteString(strings.Repeat(" ", max(1, 36-len(text))) + "# " + c)
	}
	b.WriteByte('\n')
}

// formatInstruction returns one instruction in the notation of bpf_asm(1), with the targets of jumps as numbers.
func (f *Filter) formatInstruction(i *unix.SockFilter, pc int, v *view) string {
	switch i.Code {
	case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
		return "ld   " + f.fieldName(i.K)
	case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
		return "and  " + formatHex(i.K)
	case unix.BPF_RET | unix.BPF_K:
		return "ret  " + ActionText(i.K)
	case unix.BPF_JMP | unix.BPF_JA:
		return "ja   " + strconv.Itoa(pc+1+int(i.K))
	}
	name := "j?   "
	switch i.Code &^ (unix.BPF_JMP | unix.BPF_K) {
	case unix.BPF_JEQ:
		name = "jeq  "
	case unix.BPF_JGT:
		name = "jgt  "
	case unix.BPF_JGE:
		name = "jge  "
	case unix.BPF_JSET:
		name = "jset "
	}
	k := formatHex(i.K)
	if v.acc == offNumber && i.K < x32Bit {
		k = strconv.FormatUint(uint64(i.K), 10)
	}
	return name + k + " ? " + strconv.Itoa(pc+1+int(i.Jt)) + " : " + strconv.Itoa(pc+1+int(i.Jf))
}

// fieldName returns the name of a word of struct seccomp_data.
func (f *Filter) fieldName(offset uint32) string {
	switch {
	case offset == offNumber:
		return "nr"
	case offset == offArch:
		return "arch"
	case offset < 16:
		return "instruction_pointer"
	}
	half := " low"
	if ((offset-16)%8 == 4) != f.archs[0].big {
		half = " high"
	}
	return "args[" + strconv.Itoa(int(offset-16)/8) + "]" + half
}

// commentOn returns the comment of an instruction: what it compares, or what of the profile it serves.
func (f *Filter) commentOn(i *unix.SockFilter, pc int, v *view) string {
	origin := f.origin[pc]
	if i.Code == unix.BPF_RET|unix.BPF_K {
		return f.causesOf(i.K)
	}
	if i.Code&7 != unix.BPF_JMP || i.Code == unix.BPF_JMP|unix.BPF_JA {
		return ""
	}
	if v.acc == offArch {
		if m := f.archOf(i.K); m != nil {
			return string(m.name)
		}
		return ""
	}
	if v.acc != offNumber {
		if origin >= 0 {
			return entryPath(int(origin))
		}
		return ""
	}
	m := v.m
	if i.K >= x32Bit && m != nil && m.audit == archs[0].audit {
		m = archByName("SCMP_ARCH_X32")
	}
	if m == nil {
		return ""
	}
	name := m.nameOf(i.K)
	if name == "" {
		name = "unused number"
	}
	switch i.Code &^ (unix.BPF_JMP | unix.BPF_K) {
	case unix.BPF_JGE:
		name += " and above"
	case unix.BPF_JGT:
		name = "above " + name
	}
	return string(m.name) + ": " + name
}

// causesOf returns everything in the profile that returns ret: one RET serves all of it.
func (f *Filter) causesOf(ret uint32) string {
	var list []string
	for i := range f.profile.Syscalls {
		e := &f.profile.Syscalls[i]
		got, err := parseAction(e.Action, e.ErrnoRet, "", "")
		if err == nil && got == ret && ret != f.set.defaultReturn {
			list = append(list, entryPath(i))
		}
	}
	if ret == f.set.defaultReturn {
		list = append(list, "linux.seccomp.defaultAction")
	}
	if ret == f.archs[0].enosys() && !isPermissive(f.set.defaultReturn) {
		list = append(list, "newer than every call that the profile names")
	}
	if ret == retForeign {
		list = append(list, "not in linux.seccomp.architectures")
	}
	return joinWords(list)
}

func formatHex(k uint32) string { return "0x" + strconv.FormatUint(uint64(k), 16) }
