package spec

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func show(v any) string { return fmt.Sprintf("%+v", v) }

// documented returns what a pattern finds in a pinned document of the specification.
func documented(t *testing.T, file, section, pattern string, least int) []string {
	t.Helper()
	md, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	part := regexp.MustCompile(section).Find(md)
	var words []string
	for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(part, -1) {
		words = append(words, string(m[1]))
	}
	if len(words) < least {
		t.Fatalf("found only %q in %s: has the text moved?", words, file)
	}
	return words
}

func TestTablesCoverTheSpec(t *testing.T) {
	for name, c := range map[string]struct {
		words, table []string
	}{
		"namespaces": {documented(t, "config-linux.md", `(?s)The following namespace types.*?\* \*\*.path`,
			"(?m)^    \\* \\*\\*`(\\w+)`", 8), NamespaceTypes()},
		"scheduler policies": {
			documented(t, "config.md", `(?s)the scheduling policy.*?\*\*.nice`, "`(SCHED_\\w+)`", 7),
			append([]string{"SCHED_ISO"}, schedulerPolicies...),
		},
		"scheduler flags": {documented(t, "config.md", `(?s)scheduling flags.*?\*\*.runtime`, "`(SCHED_FLAG_\\w+)`",
			7), schedulerFlags},
		"i/o classes": {documented(t, "config.md", `(?s)I/O scheduling class.*?\*\*.priority`, "`(IOPRIO_\\w+)`",
			3), ioPriorityClasses},
		"memory flags": {documented(t, "config-linux.md", `(?s)flags to use with set_mempolicy.*?### Example`,
			"`(MPOL_F_\\w+)`", 3), memoryFlags},
		"memory modes": {documented(t, "config-linux.md", `(?s)configLinuxMemoryPolicy.*?\*\*.nodes`,
			"(?m)^    \\* `(MPOL_\\w+)`", 7), MemoryModes()},
		"domains": {documented(t, "config-linux.md", `(?s)the execution domain.*?\*\*.flags`,
			"(?m)^    \\* `(\\w+)`", 2), personalityDomains},
		"propagations": {documented(t, "config-linux.md", `(?s)configLinuxRootfsMountPropagation.*?### Example`,
			"\\* \\*\\*`(\\w+)`", 4), words(propagations)},
		"hooks": {documented(t, "config.md", `(?s)name="configHooks".*?Hooks allow users`,
			"(?m)^    \\* \\*\\*`(\\w+)`", 6), HookNames()},
	} {
		for _, w := range c.words {
			if !slices.Contains(c.table, w) {
				t.Errorf("%s: %s is in the specification and has no row", name, w)
			}
		}
	}
}

func words(table []struct {
	word string
	flag uintptr
},
) []string {
	var list []string
	for _, p := range table {
		list = append(list, p.word)
	}
	return list
}

// TestCapabilityNumbers compares names and numbers with those of the kernel headers that x/sys/unix was made from.
func TestCapabilityNumbers(t *testing.T) {
	for name, number := range map[string]int{
		"CAP_CHOWN": unix.CAP_CHOWN, "CAP_SETPCAP": unix.CAP_SETPCAP, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN,
		"CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN,
		"CAP_MKNOD":     unix.CAP_MKNOD, "CAP_SYSLOG": unix.CAP_SYSLOG, "CAP_PERFMON": unix.CAP_PERFMON,
		"CAP_BPF":                unix.CAP_BPF,
		"CAP_CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE,
	} {
		if got, ok := CapabilityNumber(name); !ok || got != number || CapabilityName(number) != name {
			t.Errorf("%s is %d here and %d to the kernel", name, got, number)
		}
	}
	if len(CapabilityNames()) != unix.CAP_LAST_CAP+1 {
		t.Errorf("%d names, but the last capability is %d", len(CapabilityNames()), unix.CAP_LAST_CAP)
	}
}
