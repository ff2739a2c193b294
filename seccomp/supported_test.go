package seccomp

import (
	"slices"
	"testing"
)

// All that every supported kernel has (Linux 5.10) must be found on this one, and nothing that is no flag of rt's.
func TestSupportedFlags(t *testing.T) {
	got := SupportedFlags()
	for _, want := range []string{
		"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
		"SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %q", want, got)
		}
	}
	for _, f := range got {
		if !slices.Contains(Flags(), f) {
			t.Errorf("%s is supported and not known", f)
		}
	}
}
