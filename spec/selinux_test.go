package spec

import (
	"errors"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
)

// labels has labels, and a part of what is said of each: nothing of those that some policy could know.
var labels = map[string]string{
	"":                                       "",
	"a:b:c":                                  "",
	"a_u:b-r:c.t":                            "",
	"system_u:system_r:container_t:s0":       "",
	"system_u:system_r:container_t:s0:c1,c2": "",
	"system_u:system_r:container_t:s0-s0:c0.c1023":     "",
	"system_u:system_r:container_t:s0:c1-s15:c1,c3.c5": "",
	"u:r:t:Secret:Blue":        "", // names that a policy gives its levels
	"container_t":              "must be user:role:type",
	"system_u:system_r":        "must be user:role:type",
	"system_u::container_t:s0": "the role is not a name",
	":r:t:s0":                  "the user is not a name",
	"u:r:":                     "the type is not a name",
	"u:r:t,rw:s0":              "the type is not a name",
	"u:r:t t:s0":               "the type is not a name",
	"u:r:t:":                   "malformed level",
	"u:r:t:s0:":                "malformed level",
	"u:r:t:s0:c1,":             "malformed level",
	"u:r:t:s0:c1,,c2":          "malformed level",
	"u:r:t:s0:c1.":             "malformed level",
	"u:r:t:s0-":                "malformed level",
	"u:r:t:s0:c1:c2":           "malformed level",
	"u:r:t:s0\n":               "malformed level",
	`u:r:t:s0",mode="7`:        "malformed level",
}

func TestLabels(t *testing.T) {
	for label, want := range labels {
		_, err := CheckProcess(&specs.Process{Args: []string{"a"}, Cwd: "/", SelinuxLabel: label}, "process")
		checkLabelError(t, "process.selinuxLabel", label, want, err)
		c := &checker{}
		if got := c.checkLabel(locationOf("linux.mountLabel"), label); want == "" && got != label {
			t.Errorf("linux.mountLabel %q is taken for %q", label, got)
		}
		checkLabelError(t, "linux.mountLabel", label, want, c.err())
	}
}

// checkLabelError holds err against what is to be said of a label: one problem, of the field, with the label.
func checkLabelError(t *testing.T, field, label, want string, err error) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s %q: %v", field, label, err)
		}
		return
	}
	var d *diag.Error
	if !errors.As(err, &d) || d.Field != field || d.Value != label ||
		!strings.Contains(d.Problem, want) || len(d.More) > 0 {
		t.Errorf("%s %q: %v, want %q", field, label, err, want)
	}
}
