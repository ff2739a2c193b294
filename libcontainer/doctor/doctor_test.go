package doctor

import (
	"strings"
	"testing"

	"rt/libcontainer/host"
)

// Whatever machine this is, each subject has something to say, and each finding is fit to be read.
func TestExamine(t *testing.T) {
	subjects := map[string]int{}
	for _, f := range Examine() {
		subjects[f.Subject]++
		switch f.Level {
		case Good, Limited, Bad, Unknown:
		default:
			t.Errorf("level %q of %+v", f.Level, f)
		}
		if f.Found == "" || strings.Contains(f.Found+f.Advice, "\n") {
			t.Errorf("%+v is not one line", f)
		}
		if f.Level == Good && f.Advice != "" {
			t.Errorf("%+v: there is nothing to be done about what works", f)
		}
	}
	for _, s := range []string{"kernel", "privileges", "namespaces", "cgroups", "security", "file systems"} {
		if subjects[s] == 0 {
			t.Errorf("nothing is said of %s", s)
		}
	}
}

func TestCanRun(t *testing.T) {
	if !CanRun([]Finding{{Level: Good}, {Level: Limited}, {Level: Unknown}}) ||
		CanRun([]Finding{{Level: Good}, {Level: Bad}}) {
		t.Error("only what is bad keeps containers from running")
	}
}

// The features of optionalFeatures are names of package host's: one that was renamed there would never be reported.
func TestInsteadNamesFeatures(t *testing.T) {
	known := map[string]bool{}
	for _, r := range host.Report() {
		known[r.Name] = true
	}
	for _, o := range optionalFeatures {
		name := o.feature
		if !known[name] {
			t.Errorf("package host reports no %s", name)
		}
	}
}

func TestIDsOf(t *testing.T) {
	const text = "root:1:5\nweb:100000:65536\n1000:200000:10\nweb:broken\nweb:1:x\n"
	for _, c := range []struct {
		name string
		uid  uint32
		want int
	}{{"web", 1000, 65546}, {"web", 7, 65536}, {"", 1000, 10}, {"nobody", 65534, 0}} {
		if got := countIDs(text, c.name, c.uid); got != c.want {
			t.Errorf("%s %d: %d, want %d", c.name, c.uid, got, c.want)
		}
	}
}

func TestBelow(t *testing.T) {
	const line = "36 35 0:5 / /proc rw - proc proc rw\n37 36 0:6 / /proc/sys/fs/binfmt_misc rw - autofs x rw\n"
	if got := mountBelow(line, "/proc/"); got != "" {
		t.Errorf("%s covers nothing", got)
	}
	if got := mountBelow(line+"38 36 0:7 / /proc/kcore rw - tmpfs x rw\n", "/proc/"); got != "/proc/kcore" {
		t.Errorf("got %q", got)
	}
}

func TestOwnCgroup(t *testing.T) {
	for text, want := range map[string]string{
		"1:cpu:/a\n0::/user.slice/x\n": "/user.slice/x", "1:cpu:/a": "/",
		"": "/",
	} {
		if got := ownCgroup(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
