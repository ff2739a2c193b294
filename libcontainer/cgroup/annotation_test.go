package cgroup

import (
	"strings"
	"testing"
)

func TestProperties(t *testing.T) {
	list, err := properties(map[string]string{
		"org.systemd.property.TimeoutStopSec": "1.5",
		"org.systemd.property.CollectMode":    "'inactive-or-failed'",
		"org.systemd.property.Wants":          "['a.service', 'b.service']",
		"other":                               "not for us",
	})
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	for i, want := range []string{`CollectMode "inactive-or-failed"`, `TimeoutStopUSec @t 1500000`, `Wants ["a.service", "b.service"]`} {
		if got := list[i].Name + " " + list[i].Value.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for key, text := range map[string]string{
		"org.systemd.property.CollectMode":    "inactive",
		"org.systemd.property.Collect.Mode":   "true",
		"org.systemd.property.":               "true",
		"org.systemd.property.TimeoutStopSec": "'soon'",
		"org.systemd.property.RuntimeMaxSec":  "-1",
	} {
		if _, err := properties(map[string]string{key: text}); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s %s: %v", key, text, err)
		}
	}
}

// CVE-2024-3154: an annotation is no way to have systemd run a program as root, or end the machine.
func TestPropertiesThatReachOut(t *testing.T) {
	for _, name := range []string{"ExecStartPre", "ExecStopPost", "OnFailure", "OnSuccessJobMode", "FailureAction", "SuccessAction", "JobTimeoutAction"} {
		key := "org.systemd.property." + name
		if _, err := properties(map[string]string{key: "'reboot-force'"}); err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), "outside") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
