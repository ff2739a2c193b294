// Package docs holds rt's documents. Its tests keep them true: docs/plan.md quotes plans, and what it quotes is
// compared with what rt compiles.
package docs

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/seccomp"
	"rt/spec"
)

var update = flag.Bool("update", false, "bring the numbers of quoted steps up to date")

// compile compiles a config for a host that has everything: Linux 6.12 with cgroup v2, and rt run by user uid.
func compile(t *testing.T, config *specs.Spec, uid uint32, set func(*plan.Options)) *plan.Plan {
	t.Helper()
	var raw bytes.Buffer
	if err := spec.Write(&raw, config); err != nil {
		t.Fatal(err)
	}
	s, err := spec.Parse(raw.Bytes(), "/srv/hello", spec.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := host.Facts{Features: ^host.Feature(0), EUID: uid, EGID: uid, CapLast: 40, CgroupMode: host.CgroupV2}
	o := plan.Options{ID: "ID", Home: "/root", Kcore: true, Sources: make([]plan.Source, len(s.Mounts))}
	for i := range s.Mounts {
		if s.Mounts[i].Bind {
			o.Sources[i] = plan.SourceDir
		}
	}
	if uid == 0 {
		f.Caps, o.CgroupFD = 1<<41-1, true
		f.Hierarchies = []host.Hierarchy{{V2: true, Path: "/sys/fs/cgroup/ID"}}
	}
	if set != nil {
		set(&o)
	}
	p, err := plan.Compile(s, &f, &o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// quotable compiles the plans that a document may quote. Their names follow the word "plan" behind the backquotes of a
// block.
func quotable(t *testing.T) map[string]*plan.Plan {
	t.Helper()
	config := func() *specs.Spec { return spec.Default(spec.DefaultOptions{CgroupNamespace: true}) }
	hooks := config()
	hooks.Hooks = &specs.Hooks{
		CreateRuntime:  []specs.Hook{{Path: "/usr/bin/make-network"}},
		StartContainer: []specs.Hook{{Path: "/bin/prepare"}},
	}
	bind := config()
	bind.Mounts = append(bind.Mounts, specs.Mount{
		Destination: "/data", Type: "bind", Source: "/srv/data",
		Options: []string{"bind", "ro"},
	})
	filtered := config()
	filtered.Linux.Seccomp = &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86_64},
		Syscalls: []specs.LinuxSyscall{{Names: []string{"kexec_load"}, Action: specs.ActErrno}},
	}
	filter, _, err := seccomp.Compile(filtered.Linux.Seccomp, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	rootless := spec.Default(spec.DefaultOptions{Rootless: true, UID: 1000, GID: 1000, CgroupNamespace: true})
	return map[string]*plan.Plan{
		"run":      compile(t, config(), 0, nil),
		"create":   compile(t, config(), 0, func(o *plan.Options) { o.Wait = true }),
		"hooks":    compile(t, hooks, 0, nil),
		"bind":     compile(t, bind, 0, nil),
		"seccomp":  compile(t, filtered, 0, func(o *plan.Options) { o.Filter = filter }),
		"rootless": compile(t, rootless, 1000, func(o *plan.Options) { o.SetgroupsDeny = true }),
	}
}

// numbers are the numbers of steps in a line of a plan: its own, and those it continues with.
var numbers = regexp.MustCompile(`^\d+|\bto \d+`)

// words takes alignment away, and with loose the numbers too.
func words(line string, loose bool) string {
	line = strings.Join(strings.Fields(line), " ")
	if loose {
		line = numbers.ReplaceAllString(line, "")
	}
	return line
}

// block is a quotation: the lines from begin to end of a document.
type block struct {
	plan       string
	begin, end int
}

// blocks finds the quotations of plans among the lines of a document: fenced blocks that begin with ```plan NAME.
func blocks(lines []string) (found []block) {
	for i, line := range lines {
		if name, ok := strings.CutPrefix(line, "```plan "); ok {
			length := slices.Index(lines[i+1:], "```")
			found = append(found, block{name, i + 1, i + 1 + max(0, length)})
		}
	}
	return found
}

const omission = "..."

// TestPlanIsQuotedTruly compares what plan.md quotes with the plan it quotes: the same lines in the same order, with
// omissions where it says "...". `go test ./docs -update` corrects the numbers; what has changed otherwise wants a new
// look at the text.
func TestPlanIsQuotedTruly(t *testing.T) {
	const name = "plan.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	plans := quotable(t)
	lines := strings.Split(string(text), "\n")
	quoted := 0
	for _, b := range blocks(lines) {
		p := plans[b.plan]
		if p == nil {
			t.Fatalf("%s:%d: there is no plan %q to quote", name, b.begin, b.plan)
		}
		truth := strings.Split(string(p.AppendText(nil, false)), "\n")
		at, gap := 0, true // a quotation may begin anywhere
		for i := b.begin; i < b.end; i++ {
			if strings.TrimSpace(lines[i]) == omission {
				gap = true
				continue
			}
			found := find(truth, at, gap, lines[i])
			if found < 0 {
				t.Errorf("%s:%d: not, or not here, in plan %q:\n%s", name, i+1, b.plan, lines[i])
				gap = true
				continue
			}
			if words(truth[found], false) != words(lines[i], false) {
				if !*update {
					t.Errorf("%s:%d: the numbers have changed (go test ./docs -update):\n%s\n%s", name, i+1, lines[i],
						truth[found])
				}
				lines[i] = renumber(lines[i], truth[found])
			}
			at, gap = found+1, false
			quoted++
		}
	}
	if quoted < 100 {
		t.Errorf("%s quotes %d lines: has the form of quotations changed?", name, quoted)
	}
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// find returns the index of the line of truth that is quoted by line: the one at index at, or behind an omission the
// next that fits.
func find(truth []string, at int, gap bool, line string) int {
	for i := at; i < len(truth); i++ {
		if words(truth[i], true) == words(line, true) {
			return i
		}
		if !gap {
			break
		}
	}
	return -1
}

// renumber gives line the numbers of truth.
func renumber(line, truth string) string {
	fresh := numbers.FindAllString(words(truth, false), -1)
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	i := 0
	return indent + numbers.ReplaceAllStringFunc(strings.TrimLeft(line, " "),
		func(string) string { i++; return fresh[i-1] })
}

// TestPlanExplainsEveryKindOfStep fails where the plan of the default config has, under one of its headings, a system
// call of which plan.md shows none.
func TestPlanExplainsEveryKindOfStep(t *testing.T) {
	text, err := os.ReadFile("plan.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	lines := strings.Split(string(text), "\n")
	for _, b := range blocks(lines) {
		for _, line := range lines[b.begin:b.end] {
			shown[words(line, true)] = true
		}
	}
	p := quotable(t)["run"]
	printed := map[string]string{}
	for line := range strings.Lines(string(p.AppendText(nil, false))) {
		number, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		printed[number] = words(line, true)
	}
	kinds := map[string]bool{}
	for i := range p.Steps {
		s := &p.Steps[i]
		kind := p.Part(i) + ": " + s.Call.String()
		kinds[kind] = kinds[kind] || shown[printed[strconv.Itoa(int(s.Number))]]
	}
	if len(kinds) < 30 {
		t.Fatalf("only %d kinds of steps", len(kinds))
	}
	for kind, ok := range kinds {
		if !ok {
			t.Errorf("plan.md shows no step of this kind under its heading: %s", kind)
		}
	}
}
