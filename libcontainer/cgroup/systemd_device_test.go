package cgroup

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestDeviceProperties is all there is of the systemd driver on v1 that needs no systemd on v1, which no machine of the tests has.
func TestDeviceProperties(t *testing.T) {
	for name, tc := range map[string]struct {
		rules []specs.LinuxDeviceCgroup
		want  []string // parts of DeviceAllow; none: devices are left to the files
	}{
		"default":        {nil, []string{`("/dev/char/1:3", "rwm")`, `("char-*", "m")`, `("block-*", "m")`, `("char-136", "rwm")`}},
		"everything":     {[]specs.LinuxDeviceCgroup{allowAll}, nil},
		"all but one":    {[]specs.LinuxDeviceCgroup{allowAll, kmsg(false, "w")}, nil},
		"one taken back": {[]specs.LinuxDeviceCgroup{denyAll, kmsg(true, "rw"), kmsg(false, "w")}, nil},
	} {
		rules, err := rulesOf(tc.rules)
		if err != nil {
			t.Fatal(err)
		}
		list := deviceProperties(rules)
		policy, allow := list[0].Value.String(), list[len(list)-1].Value.String()
		if want := tc.want != nil; (policy == `"strict"`) != want || !want && policy != `"auto"` {
			t.Errorf("%s: DevicePolicy %s", name, policy)
		}
		for _, part := range tc.want {
			if !strings.Contains(allow, part) {
				t.Errorf("%s: DeviceAllow %s lacks %s", name, allow, part)
			}
		}
	}
	if list := deviceProperties(nil); list != nil {
		t.Errorf("an update without rules changes %v", list)
	}
}
