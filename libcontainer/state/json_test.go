package state

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
)

// The one converts to the other, which is how the supervisor hands it on.
var _ = cgroup.Saved(Cgroup{})

func TestStateSurvivesTheRoundTrip(t *testing.T) {
	for name, s := range map[string]*State{
		"full":  sample("web1"),
		"empty": {Created: time.Unix(0, 0).UTC()},
	} {
		text := string(s.Append(nil))
		got, err := parse(text)
		if err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, s)
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("%s: not JSON: %s", name, text)
		}
	}
}

// A field that is added to State but not to json.go would be lost between two commands.
func TestEveryFieldIsWritten(t *testing.T) {
	for typ, names := range map[reflect.Type][]string{
		reflect.TypeFor[State]():  stateNames[1:], // without format
		reflect.TypeFor[Cgroup](): cgroupNames,
		reflect.TypeFor[Added]():  addedNames,
	} {
		if typ.NumField() != len(names) {
			t.Errorf("%s has %d fields, %d names", typ, typ.NumField(), len(names))
		}
	}
	v := reflect.ValueOf(*sample("web1"))
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("the sample has no %s, so its test proves nothing", v.Type().Field(i).Name)
		}
	}
}

func TestNewerNamesAreLeftOut(t *testing.T) {
	text := strings.Replace(string(sample("web1").Append(nil)), `{"format":1`, `{"hue":{"a":[1]},"format":1`, 1)
	if s, err := parse(text); err != nil || s.ID != "web1" {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestDamagedState(t *testing.T) {
	good := string(sample("web1").Append(nil))
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {"", "at byte 0"},
		"cut":          {good[:100], "at byte 100"},
		"two":          {good + "{}", "the end of the document"},
		"newer":        {strings.Replace(good, `"format":1`, `"format":2`, 1), "format 2"},
		"runc's":       {`{"ociVersion":"1.0.0"}`, "another runtime made the container"},
		"a wrong type": {strings.Replace(good, `"pid":4711`, `"pid":"4711"`, 1), "pid must be a whole number"},
		"deeper": {strings.Replace(good, `"unit":"rt-web1.scope"`, `"unit":[]`, 1), "cgroup.unit must be a " +
			"string"},
		"a strange day": {strings.Replace(good, "2026-11-22", "2026-22-11", 1), "created must be a time"},
	} {
		_, err := parse(c.text)
		var e *diag.Error
		if !errors.As(err, &e) || e.Kind != diag.State || !strings.Contains(e.Error(), "state.json: ") ||
			!strings.Contains(e.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// The names, the order and the white space are runc's, so the expected text was made by encoding/json from a struct in
// that order.
func TestOCI(t *testing.T) {
	type shape struct {
		Version     string            `json:"ociVersion"`
		ID          string            `json:"id"`
		Pid         int               `json:"pid"`
		Status      string            `json:"status"`
		Bundle      string            `json:"bundle"`
		Rootfs      string            `json:"rootfs"`
		Created     time.Time         `json:"created"`
		Annotations map[string]string `json:"annotations,omitempty"`
		Owner       string            `json:"owner"`
	}
	s := sample("web1")
	s.Annotations[""] = "a name may be empty"
	bare := sample("web2")
	bare.Annotations = nil
	for _, c := range []struct {
		s      *State
		status Status
		owner  string
		pid    int
	}{{s, Running, "", 4711}, {s, Stopped, "root", 0}, {bare, Created, "#1000", 4711}} {
		sh := shape{
			c.s.OCIVersion,
			c.s.ID,
			c.pid,
			string(c.status),
			c.s.Bundle,
			c.s.Rootfs,
			c.s.Created,
			c.s.Annotations,
			c.owner,
		}
		line, err := json.Marshal(sh)
		if err != nil {
			t.Fatal(err)
		}
		block, err := json.MarshalIndent(sh, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendOCI([]byte("x"), c.s, c.status, c.owner, false)); got != "x"+string(line) {
			t.Errorf("got  %s\nwant %s", got, line)
		}
		if got := string(AppendOCI(nil, c.s, c.status, c.owner, true)); got != string(block) {
			t.Errorf("got  %s\nwant %s", got, block)
		}
	}
}

func TestHookState(t *testing.T) {
	for status, pid := range map[Status]int{Creating: 4711, Stopped: 0} {
		s := sample("web1")
		want, err := json.Marshal(specs.State{
			Version: s.OCIVersion, ID: s.ID, Status: specs.ContainerState(status), Pid: pid, Bundle: s.Bundle,
			Annotations: s.Annotations,
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(AppendHook(nil, s, status)); got != string(want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(sample("web1").Append(nil)))
	f.Fuzz(func(t *testing.T, doc string) {
		s, err := parse(doc)
		if err != nil {
			return
		}
		if s.Pid < 0 {
			return // Append has no sign; no process has such a pid
		}
		text := string(s.Append(nil))
		if !json.Valid([]byte(text)) {
			t.Fatalf("%q is no JSON", text)
		}
		same, err := parse(text)
		if err != nil {
			t.Fatalf("%v after %q", err, doc)
		}
		if again := string(same.Append(nil)); again != text {
			t.Fatalf("%q becomes %q", text, again)
		}
	})
}
