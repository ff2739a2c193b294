package libcontainer

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/nsenter"
)

// saveSteps keeps what `rt start` needs to serve the steps that are still to come, and to name one that fails: a line
// for each, as appendStep has it.
func (m *maker) saveSteps() error {
	var text []byte
	late := false
	for i := range m.plan.Steps {
		s := &m.plan.Steps[i]
		if late {
			text = appendStep(text, i, s)
		}
		late = late || plan.SyncPointOf(s) == plan.SyncReady
	}
	return m.container.SaveSteps(text)
}

// stepFields is how many fields a line of appendStep has.
const stepFields = 10

// appendStep appends a line about step i: its index, number, call, sync point, least result, the indices that it goes
// on with and its errnos, origin and sentence.
func appendStep(text []byte, i int, s *nsenter.Step) []byte {
	number := func(n int) { text = append(strconv.AppendInt(text, int64(n), 10), '\t') }
	word := func(w string) { text = append(append(text, w...), '\t') }
	number(i)
	number(int(s.Number))
	word(s.Call.String())
	point := ""
	if s.Sync != nil {
		point = s.Sync.Point.String()
	}
	word(point)
	number(int(s.Min))
	number(int(s.Then))
	number(int(s.Else))
	for k, errno := range s.Errnos.All() {
		if k > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(errno), 10)
	}
	text = append(text, '\t')
	word(s.Origin)
	return append(append(text, s.Sentence...), '\n')
}

// parseSteps reads what saveSteps wrote. first is the index of the first of the steps; what they go on with is counted
// from there.
func parseSteps(text []byte) (steps []nsenter.Step, first int, err error) {
	steps = make([]nsenter.Step, 0, bytes.Count(text, []byte{'\n'}))
	for line := range bytes.Lines(text) {
		f := bytes.SplitN(bytes.TrimSuffix(line, []byte("\n")), []byte("\t"), stepFields)
		s, index, ok := parseStep(f)
		if len(steps) == 0 {
			first = index
		}
		if !ok || index != first+len(steps) {
			return nil, 0, &diag.Error{Kind: diag.State,
				Problem: "the record of the steps to come is damaged, or was made by another version of rt: delete the container"}
		}
		for _, target := range [...]*int32{&s.Then, &s.Else} {
			if *target != 0 {
				*target = max(*target-int32(first), 0)
			}
		}
		steps = append(steps, s)
	}
	return steps, first, nil
}

// parseStep reads the fields of a line.
func parseStep(f [][]byte) (s nsenter.Step, index int, ok bool) {
	if len(f) != stepFields {
		return s, 0, false
	}
	var at int32
	for _, n := range [...]struct {
		field int
		to    *int32
	}{{0, &at}, {1, &s.Number}, {4, &s.Min}, {5, &s.Then}, {6, &s.Else}} {
		v, err := strconv.ParseInt(string(f[n.field]), 10, 32)
		if err != nil || v < 0 {
			return s, 0, false
		}
		*n.to = int32(v)
	}
	if s.Call, ok = nsenter.CallNamed(string(f[2])); !ok {
		return s, 0, false
	}
	if len(f[3]) > 0 {
		point := plan.SyncPointNamed(string(f[3]))
		if point == plan.SyncNone {
			return s, 0, false
		}
		s.Sync = &nsenter.SyncDetail{Point: point}
	}
	var errnos []unix.Errno
	for word := range bytes.SplitSeq(f[7], []byte{','}) {
		if errno, err := strconv.ParseUint(string(word), 10, 8); err == nil {
			errnos = append(errnos, unix.Errno(errno))
		}
	}
	s.Errnos = nsenter.ErrnosOf(errnos[:min(len(errnos), 4)]...)
	s.Origin, s.Sentence = string(f[8]), string(f[9])
	return s, int(at), true
}

// lateText is the call of a step as `rt plan` shows it, the one with that index after the point where the container was
// created. To keep such texts with the container would cost every create what only a failing start needs. So the plan
// is made once more, which is good enough for words: what comes so late hardly depends on what may have changed since,
// and where it does the step is another one and has no text.
func (s *starter) lateText(step *nsenter.Step, index int) string {
	quiet := *s.r
	quiet.Warnings, quiet.Debug, quiet.edit = nil, nil, nil
	again := maker{r: &quiet, id: s.id, o: &CreateOptions{NoNewKeyring: s.state.NoNewKeyring}, wait: true, spec: s.spec,
		facts: host.Probe()}
	if again.place() != nil || again.look() != nil {
		return ""
	}
	p, err := again.compile()
	if err != nil {
		return ""
	}
	for i := range p.Steps {
		if at := i + 1 + index; plan.SyncPointOf(&p.Steps[i]) == plan.SyncReady && at < len(p.Steps) {
			if t := &p.Steps[at]; t.Call == step.Call && t.Origin == step.Origin && t.Sentence == step.Sentence {
				return p.Text(at)
			}
		}
	}
	return ""
}
