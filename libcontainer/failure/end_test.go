package failure

import (
	"os"
	"regexp"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/spec"
)

// counted is a cgroup with these counts.
type counted struct {
	oom   bool
	forks uint64
}

func (c counted) OOMKilled() (bool, error) { return c.oom, nil }
func (c counted) ForksRefused() uint64     { return c.forks }

// TestEndReason has the ends of a program for which there is a reason. Those that errors.md shows must be among them,
// and none without one.
func TestEndReason(t *testing.T) {
	memory, pids := int64(8_000_000), int64(10)
	config := &spec.Spec{
		OCI: &specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: &memory}, Pids: &specs.LinuxPids{Limit: &pids},
		}}},
		Process: &spec.Process{Rlimits: []spec.Rlimit{
			{Index: 0, Type: "RLIMIT_CPU", Resource: unix.RLIMIT_CPU, Soft: 5, Hard: 1 << 20},
			{Index: 1, Type: "RLIMIT_FSIZE", Resource: unix.RLIMIT_FSIZE, Soft: 4096, Hard: 4096},
		}},
	}
	const begin = "the program has ended with status "
	said := []string{endSentence(128+int(unix.SIGSYS), callReason("mkdir"))} // the kernel's log is not the test's
	for _, c := range []struct {
		status int
		counts counted
		want   string // "" for no reason
	}{
		{128 + int(unix.SIGKILL), counted{oom: true}, begin + "137: a process of the container was OOM-killed: it " +
			"has used up linux.resources.memory.limit, 8000000 bytes"},
		{128 + int(unix.SIGXCPU), counted{}, begin + "152: it has used up process.rlimits[0], RLIMIT_CPU 5 seconds " +
			"of processor time"},
		{128 + int(unix.SIGXFSZ), counted{}, begin + "153: it has used up process.rlimits[1], RLIMIT_FSIZE 4096 " +
			"bytes in a file"},
		{2, counted{forks: 1}, begin + "2: the limit of processes, linux.resources.pids.limit 10, has refused 1 fork"},
		{1, counted{forks: 3}, begin + "1: the limit of processes, linux.resources.pids.limit 10, has refused 3 forks"},
		{128 + int(unix.SIGKILL), counted{}, ""},
		{0, counted{oom: true, forks: 1}, ""},
		{1, counted{oom: true}, ""},
	} {
		got := EndReason(c.status, 1, config, c.counts)
		if got != c.want {
			t.Errorf("status %d, %v: %q", c.status, c.counts, got)
		}
		if got != "" {
			said = append(said, got)
		}
	}
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile(`(?m)^    rt: (the program has ended .*)$`).FindAllSubmatch(page, -1)
	if len(shown) < 4 {
		t.Errorf("errors.md shows %d", len(shown))
	}
	for _, m := range shown {
		if !slices.Contains(said, string(m[1])) {
			t.Errorf("errors.md shows %q, and rt says none but %q", m[1], said)
		}
	}
}
