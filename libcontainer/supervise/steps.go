package supervise

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/nsenter"
)

// FormatSteps returns the steps from index first on as text, for the rt that starts the container: a line of appendStep
// for each. ParseSteps parses it.
func FormatSteps(steps []nsenter.Step, first int) []byte {
	var text []byte
	for i := first; i < len(steps); i++ {
		text = appendStep(text, i, &steps[i])
	}
	return text
}

// stepFields is how many fields a line of appendStep has.
const stepFields = 10

// appendStep appends a line about step i: its index, number, call, sync point, minimum, the indices of the next steps
// (Then and Else), its errnos, origin and sentence.
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

// fields appends the fields of a line, at most stepFields; the last one may have tabs. bytes.SplitN would allocate a
// list for each line.
func fields(list [][]byte, line []byte) [][]byte {
	for len(list) < stepFields-1 {
		field, rest, ok := bytes.Cut(line, []byte("\t"))
		if !ok {
			break
		}
		list, line = append(list, field), rest
	}
	return append(list, line)
}

// ParseSteps parses the text of FormatSteps. first is the index of the first step. Then and Else of the returned steps
// are counted from there.
func ParseSteps(text []byte) (steps []nsenter.Step, first int, err error) {
	steps = make([]nsenter.Step, 0, bytes.Count(text, []byte{'\n'}))
	f := make([][]byte, 0, stepFields)
	for line := range bytes.Lines(text) {
		f = fields(f[:0], bytes.TrimSuffix(line, []byte("\n")))
		s, index, ok := parseStep(f)
		if len(steps) == 0 {
			first = index
		}
		if !ok || index != first+len(steps) {
			return nil, 0, &diag.Error{
				Kind:    diag.State,
				Problem: "the file steps in the state directory is damaged, or of another version of rt",
				Hint:    "delete the container",
			}
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
		if len(word) == 0 { // no errno: an error of strconv would be made for most steps
			continue
		}
		if errno, err := strconv.ParseUint(string(word), 10, 8); err == nil {
			errnos = append(errnos, unix.Errno(errno))
		}
	}
	s.Errnos = nsenter.ErrnosOf(errnos[:min(len(errnos), 4)]...)
	s.Origin, s.Sentence = string(f[8]), string(f[9])
	return s, int(at), true
}
