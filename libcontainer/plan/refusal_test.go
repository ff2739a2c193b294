package plan

import (
	"errors"
	"strings"
	"testing"

	"rt/internal/diag"
)

// TestRefusal has filters that refuse what the boot process does below them.
func TestRefusal(t *testing.T) {
	const deny = `"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"action": ` +
		`"SCMP_ACT_ERRNO", "names": `
	for name, test := range map[string]struct{ config, problem string }{
		"execve":                          {deny + `["execve"]}]}}`, "refuses execve, which starts the program"},
		"below a filter that comes early": {deny + `["capset"]}]}}`, "refuses capset, which the start needs"},
		"the filter is the last": {`"process": {"noNewPrivileges": true}, ` + deny +
			`["capset", "prctl"]}]}}`, ""},
		"an error of the call is no failure": {
			`"process": {"noNewPrivileges": true}, ` + deny + `["faccessat"]}]}}`,
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, f := config(t, `{`+test.config+`}`), modern()
			o := options(s, &f)
			o.Filter = filter(t, s)
			_, err := Compile(s, &f, o)
			e, ok := errors.AsType[*diag.Error](err)
			if ok != (test.problem != "") || ok && (e.Field != "linux.seccomp.syscalls[0].action" ||
				!strings.Contains(e.Problem, test.problem)) {
				t.Errorf("%+v", err)
			}
		})
	}
}
