package libcontainer

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/seccomp"
	"rt/spec"
)

// Finding is a problem of a config.json, or a warning.
type Finding struct {
	Problem bool   // Create would refuse the config; otherwise the finding is a warning
	Line    int    // of Field, or of its nearest parent in the document, from 1
	Column  int    // in characters, from 1
	Field   string // the path of the property: "mounts[3].destination"
	Value   string // the value of the property; "" if it does not matter
	Text    string // what is wrong, and what would be right
	Hint    string // what to do; may be ""
}

// Validate checks the config.json of a bundle as Create would on a machine that has all features, and returns all
// findings in the order of the document. It reads only config.json, and changes nothing. It returns an error if
// config.json can't be read.
func Validate(bundle string) ([]Finding, error) {
	raw, absolute, err := spec.ReadConfig(bundle)
	if err != nil {
		return nil, err
	}
	v := validation{report: spec.Examine(raw, absolute)}
	v.document()
	filter := v.profile()
	if v.report.Spec != nil && !v.hasProblem {
		v.compile(filter)
	}
	slices.SortStableFunc(v.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return v.findings, nil
}

// validation collects the findings of one config.
type validation struct {
	report     *spec.Report
	findings   []Finding
	hasProblem bool
}

// document adds the findings of package spec.
func (v *validation) document() {
	for _, e := range v.report.Problems {
		v.add(e)
	}
	v.warnings(v.report.Warnings)
	for i := range v.report.Unknown {
		u := &v.report.Unknown[i]
		f := Finding{Line: u.Line, Column: u.Column, Field: u.Path, Text: "is unknown and ignored"}
		switch {
		case u.Used:
			f.Text = `is taken for "` + u.Nearest + `": names are case-sensitive`
		case u.Nearest != "":
			f.Text += `: did you mean "` + u.Nearest + `"?`
		}
		v.findings = append(v.findings, f)
	}
	for _, r := range v.report.Repeated {
		v.findings = append(v.findings, Finding{
			Line: r.Line, Column: r.Column, Field: r.Path,
			Text: "is here a second time, and this value counts: the first is in line " + strconv.Itoa(r.First),
		})
	}
}

// profile checks linux.seccomp, even if the rest of the document has problems.
func (v *validation) profile() *seccomp.Filter {
	if v.report.OCI == nil || v.report.OCI.Linux == nil || v.report.OCI.Linux.Seccomp == nil {
		return nil
	}
	filter, warnings, err := seccomp.Compile(v.report.OCI.Linux.Seccomp, runtime.GOARCH)
	v.warnings(warnings)
	v.error(err)
	return filter
}

// compile compiles the plan for a machine that has all features. This finds conflicts between parts of the config, such
// as a filter that refuses the execve of the program.
func (v *validation) compile(filter *seccomp.Filter) {
	s := v.report.Spec
	o := plan.Options{ID: "ID", Sources: make([]plan.Source, len(s.Mounts)), CgroupFD: true}
	if s.Process != nil {
		o.Filter = filter
	}
	for i := range s.Mounts {
		if s.Mounts[i].Bind {
			o.Sources[i] = plan.SourceDir
		}
	}
	const capabilities = 41
	facts := host.Facts{
		Features: ^host.Feature(0), CapLast: capabilities - 1, Caps: 1<<capabilities - 1, MayMount: true,
		CgroupMode: host.CgroupV2, Hierarchies: []host.Hierarchy{{V2: true, Path: "/sys/fs/cgroup/ID"}},
		AppArmor: true, SELinux: true,
	}
	p, err := plan.Compile(s, &facts, &o)
	if err != nil {
		v.error(err)
		return
	}
	v.warnings(p.Warnings)
}

// error adds the problems of an error, if they are problems of the document.
func (v *validation) error(err error) {
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Kind != diag.Document {
		return
	}
	for _, one := range append([]*diag.Error{e}, e.More...) {
		v.report.Locate(one)
		v.add(one)
	}
}

// add adds one problem.
func (v *validation) add(e *diag.Error) {
	v.hasProblem = true
	v.findings = append(v.findings, Finding{true, e.Line, e.Column, e.Field, e.Value, e.Problem, e.Hint})
}

// warnings adds warnings, which begin with their field.
func (v *validation) warnings(lines []string) {
	for _, line := range lines {
		var f Finding
		f.Field, f.Value, f.Text = splitWarning(line)
		f.Line, f.Column = v.report.LineColumn(f.Field)
		v.findings = append(v.findings, f)
	}
}

// splitWarning splits a warning such as `mounts[2].options[0] "x": has no effect` into its field, value and text. The
// value may be absent. A line that does not begin with a field is all text. A regular expression would be shorter, but
// rt would then initialize the tables of package unicode at each start.
func splitWarning(line string) (field, value, text string) {
	head, text, ok := cutOutsideQuotes(line, ": ")
	if !ok || head == "" || head[0] < 'a' || head[0] > 'z' {
		return "", "", line
	}
	field, quoted, valued := cutOutsideQuotes(head, " ")
	if valued {
		var err error
		if value, err = strconv.Unquote(quoted); err != nil || quoted[0] != '"' {
			return "", "", line
		}
	}
	return field, value, text
}

// cutOutsideQuotes is strings.Cut at the first separator that is in no quoted string.
func cutOutsideQuotes(s, separator string) (before, after string, found bool) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(s[i:], separator):
			return s[:i], s[i+len(separator):], true
		}
	}
	return s, "", false
}
