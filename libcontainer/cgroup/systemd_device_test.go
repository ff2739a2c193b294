package cgroup

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestDeviceProperties is all there is of the systemd driver on v1 that needs no systemd on v1, which no machine of the
// tests has.
func TestDeviceProperties(t *testing.T) {
	for name, tc := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		want  []deviceAllow // some of DeviceAllow; none: devices are left to the files
	}{
		"default": {nil, []deviceAllow{
			{"/dev/char/1:3", "rwm"},
			{"char-*", "m"},
			{"block-*", "m"},
			{"char-pts", "rwm"},
		}},
		"everything":     {[]specs.LinuxDeviceCgroup{allowAll}, nil},
		"all but one":    {[]specs.LinuxDeviceCgroup{allowAll, kmsg(false, "w")}, nil},
		"one taken back": {[]specs.LinuxDeviceCgroup{denyAll, kmsg(true, "rw"), kmsg(false, "w")}, nil},
	} {
		rules, err := parseRules(tc.rules)
		if err != nil {
			t.Fatal(err)
		}
		list := deviceProperties(rules)
		policy, allow := list[0].Value.Value(), list[len(list)-1].Value.Value().([]deviceAllow)
		if want := tc.want != nil; (policy == "strict") != want || !want && (policy != "auto" || len(allow) != 0) {
			t.Errorf("%s: DevicePolicy %s, %v", name, policy, allow)
		}
		for _, part := range tc.want {
			if !slices.Contains(allow, part) {
				t.Errorf("%s: DeviceAllow %v lacks %v", name, allow, part)
			}
		}
		if sign := list[len(list)-1].Value.Signature().String(); sign != "a(ss)" {
			t.Errorf("%s: DeviceAllow has the type %s", name, sign)
		}
	}
	if list := deviceProperties(nil); list != nil {
		t.Errorf("an update without rules changes %v", list)
	}
}
