package seccomp

import (
	"math/rand/v2"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A dice hands out choices from the bytes of a fuzzer, and zeros when they run out.
type dice struct{ bytes []byte }

func (d *dice) below(n int) int {
	v := 0
	for m := n - 1; m > 0; m >>= 8 {
		v <<= 8
		if len(d.bytes) > 0 {
			v |= int(d.bytes[0])
			d.bytes = d.bytes[1:]
		}
	}
	return v % n
}

// values are where comparisons of halves, signs and masks go wrong.
var values = []uint64{
	0, 1, 2, 7, 0xff, 0x7e020000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 0x100000001,
	0x1ffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff00000000, 0xfffffffffffffffe, 0xffffffffffffffff,
}

// randomErrno is an errno for an action that takes one, or none.
func randomErrno(d *dice, action specs.LinuxSeccompAction) *uint {
	if n := d.below(3); n > 0 && (action == specs.ActErrno || action == specs.ActTrace) {
		errno := uint(d.below(40))
		return &errno
	}
	return nil
}

// randomHead is a profile without rules.
func randomHead(d *dice, native *architecture) *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: actions[d.below(len(actions))].name}
	if p.DefaultAction == specs.ActNotify {
		p.DefaultAction = specs.ActErrno // libseccomp refuses it as a default
	}
	p.DefaultErrnoRet = randomErrno(d, p.DefaultAction)
	for n := d.below(4); n > 0; n-- {
		if m := &archs[d.below(len(archs))]; m.big == native.big {
			p.Architectures = append(p.Architectures, m.name)
		}
	}
	return p
}

// randomName is a call, and one in eight times one that socketcall(2) or ipc(2) carries.
func randomName(d *dice) string {
	if d.below(8) == 0 {
		return nameAt(int(multiplexed[d.below(len(multiplexed))].name))
	}
	return nameAt(d.below(nameCount))
}

// randomProfile is any legal profile.
func randomProfile(d *dice, native *architecture) *specs.LinuxSeccomp {
	p := randomHead(d, native)
	for n := d.below(12); n > 0; n-- {
		e := specs.LinuxSyscall{Action: actions[d.below(len(actions))].name}
		e.ErrnoRet = randomErrno(d, e.Action)
		for k := 1 + d.below(40); k > 0; k-- {
			e.Names = append(e.Names, randomName(d))
		}
		for k := max(0, d.below(6)-2); k > 0; k-- {
			e.Args = append(e.Args, specs.LinuxSeccompArg{
				Index: uint(d.below(6)), Op: operators[d.below(len(operators))],
				Value: values[d.below(len(values))], ValueTwo: values[d.below(len(values))],
			})
		}
		p.Syscalls = append(p.Syscalls, e)
	}
	return p
}

// randomBytes feeds a dice.
func randomBytes(seed uint64) *dice {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 4096)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return &dice{b}
}

// natives are the architectures that Compile can be asked for.
func natives() []*architecture {
	var out []*architecture
	for i := range archs {
		if archs[i].goarch != "" {
			out = append(out, &archs[i])
		}
	}
	return out
}

// manyArgs are the boundary vectors of p and some that mix its values.
func manyArgs(d *dice, p *specs.LinuxSeccomp) [][6]uint64 {
	list := argsOf(p)
	if len(list) > 30 {
		list = list[:30]
	}
	for range 30 {
		var a [6]uint64
		for i := range a {
			a[i] = values[d.below(len(values))] + uint64(d.below(3)) - 1
		}
		list = append(list, a)
	}
	return list
}

func TestRandomProfilesMeanWhatTheySay(t *testing.T) {
	for seed := range uint64(200) {
		d := randomBytes(seed)
		m := natives()[int(seed)%len(natives())]
		p := randomProfile(d, m)
		f, err := searched(p, m.goarch)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		requireMeaning(t, f, manyArgs(d, p))
	}
}

// FuzzCompile: no legal profile makes Compile fail, and every program means what the profile says.
func FuzzCompile(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(randomBytes(seed).bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := &dice{b}
		m := natives()[d.below(len(natives()))]
		p := randomProfile(d, m)
		filter, err := searched(p, m.goarch)
		if err != nil {
			t.Fatal(err)
		}
		requireMeaning(t, filter, argsOf(p))
	})
}
