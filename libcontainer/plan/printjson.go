package plan

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/jsonscan"
	"rt/nsenter"
)

// AppendJSON appends the plan as a JSON object. Steps are numbered from 1, as everywhere.
func (p *Plan) AppendJSON(dst []byte) []byte {
	j := jsonWriter{dst: append(dst, '{')}
	if p.CloneFlags != 0 {
		j.list("cloneFlags", strings.Split(nsenter.CloneFlags.Format(uint64(p.CloneFlags)), "|"))
	}
	j.bool("intoCgroup", p.IntoCgroup)
	j.bool("twoStage", p.TwoStage)
	j.name("files")
	j.dst = append(j.dst, '[')
	for i := range p.Files {
		f := &p.Files[i]
		j.open()
		j.text("name", p.FDs[i])
		j.int("fd", p.Number(nsenter.FD(i)))
		j.text("path", f.Path)
		j.text("origin", f.Origin)
		j.text("sentence", fileSentences[f.Kind])
		j.close()
	}
	j.dst = append(j.dst, ']')
	j.list("warnings", p.Warnings)
	j.name("steps")
	j.dst = append(j.dst, '[')
	for i := range p.Steps {
		j.dst = append(j.dst, separator(j.dst)...)
		j.dst = append(j.dst, '\n')
		j.step(p, i)
	}
	return append(j.dst, "\n]}\n"...)
}

// jsonWriter appends JSON objects, with their members in the order of the calls.
type jsonWriter struct{ dst []byte }

// separator returns the comma in front of all but the first element of an object or array.
func separator(dst []byte) string {
	switch dst[len(dst)-1] {
	case '{', '[':
		return ""
	}
	return ","
}

// open begins an object.
func (j *jsonWriter) open() {
	j.dst = append(append(j.dst, separator(j.dst)...), '{')
}

// close ends an object.
func (j *jsonWriter) close() { j.dst = append(j.dst, '}') }

// name begins a member.
func (j *jsonWriter) name(name string) {
	j.dst = append(j.dst, separator(j.dst)...)
	j.dst = append(jsonscan.AppendString(j.dst, name), ':')
}

// text writes a member that is a string, unless it is empty.
func (j *jsonWriter) text(name, value string) {
	if value != "" {
		j.name(name)
		j.dst = jsonscan.AppendString(j.dst, value)
	}
}

// int writes a member that is a number.
func (j *jsonWriter) int(name string, value int) {
	j.name(name)
	j.dst = strconv.AppendInt(j.dst, int64(value), 10)
}

// bool writes a member that is true or false.
func (j *jsonWriter) bool(name string, value bool) {
	j.name(name)
	j.dst = strconv.AppendBool(j.dst, value)
}

// list writes a member that is a list of strings, unless it is empty.
func (j *jsonWriter) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	j.name(name)
	j.dst = append(j.dst, '[')
	for _, v := range values {
		j.dst = append(j.dst, separator(j.dst)...)
		j.dst = jsonscan.AppendString(j.dst, v)
	}
	j.dst = append(j.dst, ']')
}

// step writes one step. then and else are the numbers of steps, where they are not simply the next one.
func (j *jsonWriter) step(p *Plan, i int) {
	s := &p.Steps[i]
	j.dst = append(j.dst, '{')
	j.int("number", int(s.Number))
	j.text("part", p.Part(i))
	j.text("call", s.Call.String())
	j.text("text", p.Text(i))
	j.text("origin", s.Origin)
	j.text("sentence", s.Sentence)
	var errnos []string
	for _, errno := range s.Errnos.All() {
		name := unix.ErrnoName(errno)
		if errno == nsenter.Short {
			name = "short"
		}
		errnos = append(errnos, name)
	}
	j.list("on", errnos)
	if s.Then != 0 {
		j.int("then", int(p.Steps[s.Then].Number))
	}
	if s.Else != 0 {
		j.int("else", int(p.Steps[s.Else].Number))
	}
	if s.Sync != nil {
		j.text("sync", s.Sync.Point.String())
	}
	j.list("rt", s.Does())
	j.close()
}
