package cgroup

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// question is a struct bpf_cgroup_dev_ctx.
type question struct {
	kind         byte
	access       access
	major, minor int64
}

// allowed is what deviceFilter promises, said as plainly as possible: the last rule that speaks of an access decides
// about it.
func allowed(rules []rule, q question) bool {
	for _, a := range []access{mknod, read, write} {
		if q.access&a == 0 {
			continue
		}
		verdict := false
		for _, r := range rules {
			if (r.kind == 'a' || r.kind == q.kind) && r.access&a != 0 &&
				(r.major == anyNumber || r.major == q.major) && (r.minor == anyNumber || r.minor == q.minor) {
				verdict = r.allow
			}
		}
		if !verdict {
			return false
		}
	}
	return true
}

// run interprets a filter.
func run(t *testing.T, code []instruction, q question) bool {
	t.Helper()
	kind := uint32(2)
	if q.kind == 'b' {
		kind = 1
	}
	memory := map[int16]uint32{0: uint32(q.access)<<16 | kind, 4: uint32(q.major), 8: uint32(q.minor)}
	var reg [16]uint32
	for at, n := 0, 0; at < len(code); at++ {
		if n++; n > len(code) {
			t.Fatal("the filter loops")
		}
		i := code[at]
		dst, src := &reg[i.regs&15], reg[i.regs>>4]
		imm, jump := uint32(i.imm), false
		switch i.op {
		case opLoad:
			*dst = memory[i.off]
		case opMove:
			*dst = src
		case opSet:
			*dst = imm
		case opAnd:
			*dst &= imm
		case opLeft:
			*dst <<= imm
		case opRight:
			*dst >>= imm
		case opOr:
			*dst |= src
		case opGoto:
			jump = true
		case opEqual:
			jump = *dst == imm
		case opOther:
			jump = *dst != imm
		case opMeets:
			jump = *dst&imm != 0
		case opExit:
			return reg[regVerdict] == 1
		default:
			t.Fatalf("operation %#x", i.op)
		}
		if jump {
			at += int(i.off)
		}
	}
	t.Fatal("the filter ends without a verdict")
	return false
}

// randomRules makes lists that are rich in overlaps.
func randomRules(r *rand.Rand) []rule {
	list := []rule{{r.IntN(2) == 0, 'a', anyNumber, anyNumber, allAccess}}
	for range r.IntN(12) {
		x := rule{r.IntN(2) == 0, "bc"[r.IntN(2)], int64(r.IntN(4)) - 1, int64(r.IntN(4)) - 1, access(1 + r.IntN(7))}
		if r.IntN(2) == 0 {
			x.access = allAccess
		}
		if r.IntN(20) == 0 {
			x.minor = 1 << 25 // no such device
		}
		list = append(list, x)
	}
	return list
}

func TestDeviceFilter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test must fail again
	defaults, err := parseRules(
		[]specs.LinuxDeviceCgroup{{Access: "rwm"}, {Allow: true, Type: "b", Major: new(int64(8)), Access: "r"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	verdicts := [2]int{}
	for i := range 2000 {
		rules := defaults
		if i > 0 {
			rules = randomRules(r)
		}
		code := deviceFilter(rules)
		for _, kind := range []byte("bc") {
			for _, major := range []int64{0, 1, 2, 5, 8, 136} {
				for minor := range int64(4) {
					for a := access(1); a <= allAccess; a++ {
						q := question{kind, a, major, minor}
						want := allowed(rules, q)
						if run(t, code, q) != want {
							t.Fatalf("%v about %c %v: not %v", rules, kind, q, want)
						}
						if want {
							verdicts[1]++
						} else {
							verdicts[0]++
						}
					}
				}
			}
		}
	}
	if slices.Min(verdicts[:]) < 10000 {
		t.Fatalf("the questions were one-sided: %v", verdicts)
	}
}

// TestVerifierAcceptsFilters loads what deviceFilter makes: the kernel refuses code that can't be reached, among much
// else.
func TestVerifierAcceptsFilters(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIP: loading eBPF takes root")
	}
	r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test must fail again
	for range 300 {
		rules := randomRules(r)
		fd, err := loadFilter(deviceFilter(rules))
		if err != nil {
			t.Fatalf("%v: %v", rules, err)
		}
		_ = unix.Close(fd)
	}
}

func TestInexpressible(t *testing.T) {
	base := rule{false, 'a', anyNumber, anyNumber, allAccess}
	null := rule{true, 'c', 1, 3, allAccess}
	for name, tc := range map[string]struct {
		rules []rule
		want  bool
	}{
		"exception taken back whole": {[]rule{base, null, {false, 'c', 1, 3, write}}, false},
		"part of a range": {
			[]rule{base, {true, 'c', 1, anyNumber, allAccess}, {false, 'c', 1, 3, write}},
			true,
		},
		"before the exception": {
			[]rule{base, {false, 'c', 1, 3, write}, {true, 'c', 1, anyNumber, allAccess}},
			false,
		},
		"other access": {[]rule{base, {true, 'c', 1, anyNumber, read}, {false, 'c', 1, 3, write}}, false},
		"other kind": {[]rule{
			base,
			{true, 'b', anyNumber, anyNumber, allAccess},
			{false, 'c', 1, 3, write},
		}, false},
	} {
		if _, _, got := inexpressible(tc.rules); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
