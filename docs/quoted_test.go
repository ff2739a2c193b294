package docs

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rt/libcontainer/plan"
	"rt/spec"
)

// quotedSteps are the forms in which README.md and errors.md show a step: a line of a plan, of a trace, and of an
// error. The first group is what stands before the number, the second the number, the third what follows, the last the
// call.
var quotedSteps = []*regexp.Regexp{
	regexp.MustCompile(`^(\s+)(\d+)(  )([a-z]\w*\(.*)$`),
	regexp.MustCompile(`^(\s+[\d.]+\s+[\d.]+\s+)(\d+)(\s+\S+\s+)([a-z]\w*\(.*)$`),
	regexp.MustCompile(`^(\s+step\s+)(\d+)(: )([a-z]\w*\(.*)$`),
}

// stepNumber returns the number of the step of a plan with a call, "" if there is none. The call may be shortened by an
// omission, and be followed by the remark of a line of a plan.
func stepNumber(plans []*plan.Plan, call string) string {
	call, _, _ = strings.Cut(call, "  # ")
	call, _, shortened := strings.Cut(strings.TrimSpace(call), omission)
	call = strings.ReplaceAll(call, "/tmp/hello", "/srv/hello")
	for _, p := range plans {
		for line := range strings.Lines(string(p.AppendText(nil, false))) {
			line = strings.TrimSpace(line)
			number, text, _ := strings.Cut(line, "  ")
			text, _, _ = strings.Cut(text, "  # ")
			text = strings.TrimSpace(text)
			if text == call || shortened && strings.HasPrefix(text, call) {
				return number
			}
		}
	}
	return ""
}

// TestPositionsAreQuotedTruly compares where README.md and errors.md say that a mistake in the default config is with
// where it is.
func TestPositionsAreQuotedTruly(t *testing.T) {
	var config strings.Builder
	if err := spec.Write(&config, spec.Default(spec.DefaultOptions{CgroupNamespace: true})); err != nil {
		t.Fatal(err)
	}
	wrong := strings.Replace(config.String(), `"noNewPrivileges"`, `"noNewPrivilege"`, 1)
	report := spec.Examine([]byte(wrong), "/srv/hello")
	if len(report.Unknown) != 1 {
		t.Fatalf("unknown: %v", report.Unknown)
	}
	u := &report.Unknown[0]
	want := "config.json:" + strconv.Itoa(u.Line) + ":" + strconv.Itoa(u.Column) + ": warning: " + u.Path +
		": is unknown"
	for _, name := range []string{"../README.md", "errors.md"} {
		if !strings.Contains(read(t, name), want) {
			t.Errorf("%s does not say %q", name, want)
		}
	}
}

// inOneLine is the step of an error in a log.
var inOneLine = regexp.MustCompile("`\\[step (\\d+)\\]`")

// TestOneStepHasOneNumber compares the number of the step that errors.md shows for a terminal with the one for a log.
// `go test ./docs -update` corrects it, after the first.
func TestOneStepHasOneNumber(t *testing.T) {
	const name = "errors.md"
	text := read(t, name)
	block := regexp.MustCompile(`(?m)^\s+step\s+(\d+): `).FindStringSubmatch(text)
	line := inOneLine.FindStringSubmatch(text)
	if block == nil || line == nil {
		t.Fatalf("%s shows the step as %q and %q", name, block, line)
	}
	switch {
	case block[1] == line[1]:
	case !*update:
		t.Errorf("%s says step %s, and [step %s] of the same error", name, block[1], line[1])
	default:
		text = inOneLine.ReplaceAllString(text, "`[step "+block[1]+"]`")
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestStepsAreQuotedTruly compares the steps that README.md and errors.md show with the plans of the default config,
// with the programs that they use. `go test ./docs -update` corrects the numbers.
func TestStepsAreQuotedTruly(t *testing.T) {
	with := func(program string, set func(*plan.Options)) *plan.Plan {
		config := spec.Default(spec.DefaultOptions{CgroupNamespace: true})
		config.Process.Args = []string{program}
		return compile(t, config, 0, set)
	}
	plans := []*plan.Plan{
		with("sh", nil), with("server", nil), with("/app/server", nil),
		with("/etc/script", func(o *plan.Options) { o.Wait = true }),
	}
	for name, least := range map[string]int{"../README.md": 8, "errors.md": 1} {
		lines, found := strings.Split(read(t, name), "\n"), 0
		for i, line := range lines {
			for _, form := range quotedSteps {
				m := form.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				found++
				switch number := stepNumber(plans, m[4]); {
				case number == "":
					t.Errorf("%s:%d: no plan has this step: %s", name, i+1, m[4])
				case number != m[2] && !*update:
					t.Errorf("%s:%d: the step has number %s (go test ./docs -update): %s", name, i+1, number, line)
				default:
					lines[i] = m[1] + number + m[3] + m[4]
				}
				break
			}
		}
		if found < least {
			t.Errorf("%s: only %d steps", name, found)
		}
		if *update {
			if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
