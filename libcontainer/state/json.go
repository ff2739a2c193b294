package state

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

// format is the version of state.json. It is raised only if an older rt would misread the file; a new name that it may
// ignore does not need that.
const format = 1

// Append appends s in the format of state.json. Other programs read it too, so names are stable.
func (s *State) Append(dst []byte) []byte {
	w := objectWriter{dst: dst}
	w.beginObject()
	w.writeNumber("format", format)
	w.writeText("ociVersion", s.OCIVersion)
	w.writeText("id", s.ID)
	w.writeText("bundle", s.Bundle)
	w.writeText("rootfs", s.Rootfs)
	w.writeNumber("owner", uint64(s.Owner))
	w.writeText("created", s.Created.UTC().Format(time.RFC3339Nano))
	w.writeMap("annotations", s.Annotations)
	w.writeText("phase", string(s.Phase))
	w.writeNumber("pid", uint64(s.Pid))
	w.writeNumber("startTime", s.StartTime)
	w.writeBool("terminal", s.Terminal)
	w.writeBool("noNewKeyring", s.NoNewKeyring)
	if s.Keyring != "" {
		w.writeText("keyring", s.Keyring)
	}
	w.writeName("cgroup")
	w.beginObject()
	w.writeText("driver", s.Cgroup.Driver)
	w.writeMap("paths", s.Cgroup.Paths)
	w.writeText("unit", s.Cgroup.Unit)
	w.writeText("slice", s.Cgroup.Slice)
	w.writeBool("rootless", s.Cgroup.Rootless)
	w.writeList("kept", s.Cgroup.Preexisting)
	if s.Cgroup.Owner != "" {
		w.writeText("owner", s.Cgroup.Owner)
	}
	w.endObject()
	if s.IntelRdt != (IntelRdt{}) {
		w.writeName("intelRdt")
		w.beginObject()
		w.writeText("class", s.IntelRdt.Class)
		w.writeText("monitor", s.IntelRdt.Monitor)
		w.endObject()
	}
	w.writeAdded(s.Added)
	w.endObject()
	return append(w.dst, '\n')
}

// The names of the members of the objects in state.json.
var (
	stateNames = []string{
		"format", "ociVersion", "id", "bundle", "rootfs", "owner", "created", "annotations", "phase", "pid",
		"startTime", "terminal", "noNewKeyring", "keyring", "cgroup",
		"intelRdt", "added",
	}
	cgroupNames = []string{"driver", "paths", "unit", "slice", "rootless", "kept", "owner"}
	rdtNames    = []string{"class", "monitor"}
	addedNames  = []string{"destination", "source", "type", "mountId", "device"}
)

// parse is the reverse of Append. It ignores unknown names: a newer rt of the same format wrote them.
func parse(doc string) (*State, error) {
	sc := jsonscan.New(doc)
	s := &State{}
	version, created := parseMembers(sc, s)
	sc.CheckEnd()
	if err := sc.Err(); err != nil {
		return nil, damaged("at byte " + strconv.Itoa(err.Offset) + ": " + err.Text)
	}
	if version == 0 {
		return nil, foreign("state.json: it has no format")
	}
	if len(sc.Problems) > 0 {
		p := sc.Problems[0]
		return nil, damaged(jsonscan.PathAt(doc, p.Offset) + " " + p.Text)
	}
	if version != format {
		return nil, damaged("it has format " + strconv.Itoa(version) + ", this rt reads format " + strconv.Itoa(format))
	}
	var err error
	if s.Created, err = time.Parse(time.RFC3339Nano, created); err != nil {
		return nil, damaged("created must be a time of RFC 3339")
	}
	return s, nil
}

// parseMembers reads the members of a State. It returns the format, and the time that is not parsed yet.
func parseMembers(sc *jsonscan.Scanner, s *State) (version int, created string) {
	sc.Struct(stateNames, func(name string) bool {
		switch name {
		case "format":
			jsonscan.Int(sc, &version)
		case "ociVersion":
			jsonscan.String(sc, &s.OCIVersion)
		case "id":
			jsonscan.String(sc, &s.ID)
		case "bundle":
			jsonscan.String(sc, &s.Bundle)
		case "rootfs":
			jsonscan.String(sc, &s.Rootfs)
		case "owner":
			jsonscan.Uint(sc, &s.Owner)
		case "created":
			jsonscan.String(sc, &created)
		case "annotations":
			jsonscan.Map(sc, &s.Annotations, jsonscan.String[string])
		case "phase":
			jsonscan.String(sc, &s.Phase)
		case "pid":
			jsonscan.Int(sc, &s.Pid)
		case "startTime":
			jsonscan.Uint(sc, &s.StartTime)
		case "terminal":
			jsonscan.Bool(sc, &s.Terminal)
		case "keyring":
			jsonscan.String(sc, &s.Keyring)
		case "noNewKeyring":
			jsonscan.Bool(sc, &s.NoNewKeyring)
		case "cgroup":
			parseCgroup(sc, &s.Cgroup)
		case "intelRdt":
			parseIntelRdt(sc, &s.IntelRdt)
		case "added":
			jsonscan.Slice(sc, &s.Added, parseAdded)
		default:
			return false
		}
		return true
	})
	return version, created
}

// parseCgroup reads the member cgroup.
func parseCgroup(sc *jsonscan.Scanner, c *Cgroup) {
	sc.Struct(cgroupNames, func(name string) bool {
		switch name {
		case "driver":
			jsonscan.String(sc, &c.Driver)
		case "paths":
			jsonscan.Map(sc, &c.Paths, jsonscan.String[string])
		case "unit":
			jsonscan.String(sc, &c.Unit)
		case "slice":
			jsonscan.String(sc, &c.Slice)
		case "rootless":
			jsonscan.Bool(sc, &c.Rootless)
		case "kept":
			jsonscan.Strings(sc, &c.Preexisting)
		case "owner":
			jsonscan.String(sc, &c.Owner)
		default:
			return false
		}
		return true
	})
}

// parseIntelRdt reads the member intelRdt.
func parseIntelRdt(sc *jsonscan.Scanner, r *IntelRdt) {
	sc.Struct(rdtNames, func(name string) bool {
		switch name {
		case "class":
			jsonscan.String(sc, &r.Class)
		case "monitor":
			jsonscan.String(sc, &r.Monitor)
		default:
			return false
		}
		return true
	})
}

// damaged returns the error for a state.json that rt did not write, or not completely (after a power failure).
func damaged(why string) *diag.Error {
	return &diag.Error{
		Kind: diag.State, Problem: "the state of the container can't be read: state.json: " + why,
		Hint: "`rt delete --force` removes its directory; its processes, if there are any, are in its cgroup",
	}
}

// foreign returns the error for a directory that another runtime has made. Engines give all runtimes one: containerd
// has those of its namespace k8s.io in /run/containerd/runc/k8s.io, whichever made them.
func foreign(why string) *diag.Error {
	return &diag.Error{
		Kind: diag.State, Problem: "the state of the container can't be read: " + why, Err: errForeign,
		Hint: "call that runtime, with the same --root",
	}
}

// errForeign marks the errors of foreign.
var errForeign = errors.New("another runtime made the container")

// Foreign reports whether err, an error of [Container.State], says that another runtime made the container. What that
// one knows of its processes is in its files, so they must stay.
func Foreign(err error) bool { return errors.Is(err, errForeign) }

// objectWriter writes nested JSON objects, members in the order of the calls.
type objectWriter struct {
	dst    []byte
	indent string // of one level; "" writes everything on one line
	depth  int
	filled bool // the innermost object has a member
}

// writeName starts a member.
func (w *objectWriter) writeName(name string) {
	if w.filled {
		w.dst = append(w.dst, ',')
	}
	w.filled = true
	w.breakLine()
	w.dst = append(jsonscan.AppendString(w.dst, name), ':')
	if w.indent != "" {
		w.dst = append(w.dst, ' ')
	}
}

// breakLine starts a line, indented by the depth, unless everything is on one line.
func (w *objectWriter) breakLine() {
	if w.indent == "" {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, w.indent...)
	}
}

// beginObject starts the outermost object; for one that is a member, writeName comes first.
func (w *objectWriter) beginObject() {
	w.dst = append(w.dst, '{')
	w.depth++
	w.filled = false
}

// endObject ends the innermost object.
func (w *objectWriter) endObject() {
	w.depth--
	if w.filled {
		w.breakLine()
	}
	w.dst = append(w.dst, '}')
	w.filled = true
}

// writeText writes a member that is a string.
func (w *objectWriter) writeText(name, value string) {
	w.writeName(name)
	w.dst = jsonscan.AppendString(w.dst, value)
}

// writeNumber writes a member that is a number.
func (w *objectWriter) writeNumber(name string, value uint64) {
	w.writeName(name)
	w.dst = strconv.AppendUint(w.dst, value, 10)
}

// writeBool writes a member that is true or false.
func (w *objectWriter) writeBool(name string, value bool) {
	w.writeName(name)
	w.dst = strconv.AppendBool(w.dst, value)
}

// writeList writes an array. An empty one is left out.
func (w *objectWriter) writeList(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.writeName(name)
	for i, v := range values {
		w.dst = append(w.dst, "[,"[min(i, 1)])
		w.dst = jsonscan.AppendString(w.dst, v)
	}
	w.dst = append(w.dst, ']')
}

// writeMap writes a map, sorted so that the same state is the same text. An empty one is left out.
func (w *objectWriter) writeMap(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w.writeName(name)
	w.beginObject()
	for _, k := range keys {
		w.writeText(k, m[k])
	}
	w.endObject()
}
