package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rt/libcontainer"
)

func TestPlanDiff(t *testing.T) {
	a := []libcontainer.PlanLine{
		{Part: "names", Call: "umask(0)"},
		{Part: "mounts", Call: "openat2(1) -> $x, then to 12", Comment: "mounts[0]"},
		{Part: "rights", Call: "capset()"},
	}
	b := []libcontainer.PlanLine{
		{Part: "names", Call: "umask(0)"},
		{Part: "mounts", Call: "fsopen()", Comment: "mounts[1]: new"},
		{
			Part: "mounts", Call: "openat2(1) -> $x, then to 15",
			Comment: "mounts[0]",
		},
		{Part: "program", Call: "execve()"},
	}
	const want = `mounts
+ fsopen()  # mounts[1]: new

rights
- capset()

program
+ execve()
`
	c := &Call{}
	if got := string(c.appendPlanDiff(nil, a, b)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := c.appendPlanDiff(nil, b, b); len(got) > 0 {
		t.Errorf("a plan differs from itself: %s", got)
	}
}

// A saved plan may be anybody's, and the fields and sentences of each have words of a config.
func TestPlanDiffIsOnlyText(t *testing.T) {
	const evil = "\x1b[2J\n"
	lines := []libcontainer.PlanLine{{Part: evil, Call: evil, Comment: evil}}
	got := string(new(Call).appendPlanDiff(nil, lines, nil))
	if strings.ContainsRune(got, '\x1b') || strings.Count(got, "\n") != 2 || strings.Count(got, `\x1b[2J`) != 3 {
		t.Errorf("it prints %q", got)
	}
}

// plan compares bundles, configs by other names and saved plans.
func TestPlanSides(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rootfs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := rt(t, "spec", "-b", dir); status != 0 {
		t.Fatal(errs)
	}
	config, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	other, saved := filepath.Join(dir, "other.json"), filepath.Join(dir, "saved.json")
	changed := strings.Replace(string(config), `"hostname": "rt"`, `"hostname": "changed"`, 1)
	if err := os.WriteFile(other, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, status := rt(t, "plan", "--format", "json", dir)
	if status != 0 {
		t.Fatal(errs)
	}
	if err := os.WriteFile(saved, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, _ := rt(t, "plan", "--diff", dir, saved); out != "the plans are the same\n" {
		t.Errorf("the saved plan: %s%s", out, errs)
	}
	for _, from := range []string{dir, saved} {
		out, errs, _ := rt(t, "plan", "--color", "always", "--diff", from, other)
		if !strings.Contains(out, red+`- sethostname("rt"`) ||
			!strings.Contains(out, green+`+ sethostname("changed"`) ||
			strings.Count(out, "\n") != 3 {
			t.Errorf("%s: %s%s", from, out, errs)
		}
	}
	if _, errs, status := rt(t, "plan", "--diff", dir); status != 1 || !strings.Contains(errs, "two bundles") {
		t.Errorf("one side: %s", errs)
	}
	if _, errs, status := rt(t, "plan", "--field", "nothing", dir); status != 1 || !strings.Contains(errs, "no step") {
		t.Errorf("no step: %s", errs)
	}
	for word, want := range map[string]string{
		"hostname": "hostname", "/proc/acpi": "linux.maskedPaths[0]",
		"/dev/pts": "mounts[",
	} {
		if out, errs, _ := rt(t, "plan", "--why", word, dir); !strings.Contains(out, want) || len(out) > 10000 {
			t.Errorf("why %s: %s%s", word, out, errs)
		}
	}
}
