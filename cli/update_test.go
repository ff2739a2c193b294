package cli

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestParseSize(t *testing.T) {
	for word, want := range map[string]int64{
		"0": 0, "1024": 1024, "-1": -1, "1k": 1 << 10, "512m": 512 << 20, "512M": 512 << 20, "512mb": 512 << 20,
		"2GiB": 2 << 30, "1.5g": 3 << 29, "1 m": 1 << 20,
		"3t": 3 << 40, "7b": 7,
	} {
		if got, ok := parseSize(word); !ok || got != want {
			t.Errorf("%q: %d, %v, want %d", word, got, ok, want)
		}
	}
	for _, word := range []string{
		"", "m", "-2", "-1m", "1e9", "inf", "nan", "0x10", "12q", "9223372036854775808",
		"9007199254740992k", "1.5.2g", "99999999999g",
	} {
		if got, ok := parseSize(word); ok {
			t.Errorf("%q is %d", word, got)
		}
	}
}

// Each option of update goes to a limit of its own, and refuses what is none.
func TestLimitFlags(t *testing.T) {
	seen := 0
	for _, l := range limitFlags() {
		if l.set == nil {
			continue
		}
		seen++
		var r specs.LinuxResources
		if !l.set(&r, "16") {
			t.Errorf("--%s 16 is refused", l.name)
		}
		if r.CPU == nil && r.Memory == nil && r.Pids == nil && r.BlockIO == nil {
			t.Errorf("--%s 16 sets nothing", l.name)
		}
		if l.want != "" && l.set(&r, "one") {
			t.Errorf("--%s takes a word", l.name)
		}
	}
	if seen != 14 {
		t.Errorf("%d options set limits, runc has 14", seen)
	}
}
