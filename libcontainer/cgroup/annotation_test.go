package cgroup

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"rt/internal/diag"
)

// TestProperties has what engines send: Podman and CRI-O with every container, others what their users write (runc's
// documentation has the forms).
func TestProperties(t *testing.T) {
	list, err := parseProperties(map[string]string{
		"org.systemd.property.TimeoutStopSec":      "1.5",
		"org.systemd.property.RuntimeMaxUSec":      "7200",
		"org.systemd.property.KillSignal":          "15",
		"org.systemd.property.CollectMode":         "'inactive-or-failed'",
		"org.systemd.property.DefaultDependencies": "true",
		"org.systemd.property.After":               "['crio.service']",
		"org.systemd.property.Description":         "'größer'",
		"other":                                    "not for us",
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range list {
		got = append(got, p.Name+" "+p.Value.Signature().String()+" "+p.Value.String())
	}
	want := []string{
		`After as ["crio.service"]`, `CollectMode s "inactive-or-failed"`, `DefaultDependencies b true`,
		`Description s "größer"`, `KillSignal i 15`,
		`RuntimeMaxUSec t @t 7200`, `TimeoutStopUSec t @t 1500000`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPropertiesRefused has values that a property can't have.
func TestPropertiesRefused(t *testing.T) {
	for _, tc := range [][2]string{
		{"CollectMode", "inactive"},
		{"CollectMode", "'never'"},
		{"CollectMode", "['inactive']"},
		{"Collect.Mode", "true"},
		{"", "true"},
		{"TimeoutStopSec", "'soon'"},
		{"TimeoutStopUSec", "-1"},
		{"TimeoutStopUSec", "1.5"},
		{"TimeoutStopUSec", "[uint64 1]"},
		{"RuntimeMaxSec", "-1"},
		{"RuntimeMaxSec", "1e30"},
		{"KillSignal", "0"},
		{"KillSignal", "65"},
		{"KillSignal", "uint64 4294967311"},
		{"ManagedOOMMemoryPressureLimit", "uint64 4294967296"},
		{"Description", `"a\nExecStart=/bin/touch /tmp/x"`},
		{"Description", `"\a"`},
		{"Description", "'" + strings.Repeat("a", 257) + "'"},
		{"Description", strings.Repeat("[", 1<<20)},
		{"After", "['crio.service', 'systemd-reboot.service']"},
		{"After", "'crio.service'"},
		{"After", "['crio.service',]"},
		{"TimeoutStopUSec", "0x40000000000000.۶\xd70000"}, // godbus' own parser never ends with it
		{"TimeoutStopUSec", "1_000"},
		{"DefaultDependencies", "1"},
	} {
		key := propertyPrefix + tc[0]
		_, err := parseProperties(map[string]string{key: tc[1]})
		if err == nil || !strings.HasPrefix(err.Error(), `annotations["`+key+`"]`) || len(err.Error()) > 700 {
			t.Errorf("%s %.40s: %v", key, tc[1], err)
		}
	}
	both := map[string]string{propertyPrefix + "TimeoutStopSec": "1", propertyPrefix + "TimeoutStopUSec": "uint64 5"}
	if _, err := parseProperties(both); err == nil || !strings.Contains(err.Error(), "another annotation gives "+
		"TimeoutStopUSec") {
		t.Errorf("one property twice: %v", err)
	}
}

// CVE-2024-3154: an annotation is no way to have systemd run a program as root, stop a unit of the host, or end the
// machine; nor to have rt's own properties overridden, or a process of the host killed with the container.
func TestPropertiesThatReachOut(t *testing.T) {
	for name, text := range map[string]string{
		"ExecStartPre": `[("/bin/touch",["/bin/touch","/tmp/x"],false)]`, "ExecStopPost": "true",
		"OnFailure":        "['poweroff.target']",
		"OnSuccessJobMode": "'isolate'", "FailureAction": "'reboot-force'", "SuccessAction": "'poweroff'",
		"JobTimeoutAction": "'reboot'",
		"PIDs":             "[uint32 1]", "Slice": "'-.slice'", "Delegate": "false", "DevicePolicy": "'auto'",
		"MemoryMax": "uint64 1", "TasksMax": "uint64 1",
		"Conflicts": "['ssh.service']", "Wants": "['a.service']", "Requires": "['a.service']",
		"PropagatesStopTo": "['ssh.service']", "BindsTo": "['a.service']",
		"IPAddressAllow": "[(2, [byte 0,0,0,0], uint32 0)]", "ManagedOOMPreference": "'omit'", "KillMode": "'none'",
		"Before":        "['a.service']",
		"CPUAccounting": "false", "pIDs": "[uint32 1]", "PIDs ": "[uint32 1]",
	} {
		key := propertyPrefix + name
		_, err := parseProperties(map[string]string{key: text})
		if err == nil ||
			!strings.HasPrefix(err.Error(), `annotations["`+key+`"]: no annotation may set the property `) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := parseProperties(map[string]string{propertyPrefix + "RebootArgument": "'x'"})
	if e := hintOf(err); !strings.Contains(e, "allowed are After, CollectMode, ") {
		t.Errorf("the hint is %q", e)
	}
	_, err = parseProperties(map[string]string{propertyPrefix + "MemoryMax": "uint64 1"})
	if e := hintOf(err); e != "ask for it with linux.resources.memory.limit" {
		t.Errorf("the hint is %q", e)
	}
}

// FuzzProperties: whatever the text is, there is a value of the property's type or an error.
func FuzzProperties(f *testing.F) {
	for _, text := range []string{
		"uint64 5", "['crio.service']", "@as []", `b"x\`, "{'a': <1>}", "(1,", "@a{sv} {}",
		"'\\u00e4'", "[[[", "<<<1>>>", "0x7fffffffffffffff",
	} {
		f.Add(text)
	}
	sign := map[string]string{
		"After":           "as",
		"Description":     "s",
		"KillSignal":      "i",
		"TimeoutStopUSec": "t",
		"OOMPolicy":       "s",
		"IPAccounting":    "b",
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, want := range sign {
			list, err := parseProperties(map[string]string{propertyPrefix + name: text})
			if err == nil && list[0].Value.Signature().String() != want {
				t.Errorf("%s %q became %v", name, text, list)
			}
		}
		_, _ = parseProperties(map[string]string{propertyPrefix + "TimeoutStopSec": text})
	})
}

// hintOf is the hint of an error of ours.
func hintOf(err error) string {
	if e, ok := errors.AsType[*diag.Error](err); ok {
		return e.Hint
	}
	return ""
}
