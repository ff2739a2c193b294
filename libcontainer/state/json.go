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
	w := object{dst: dst}
	w.open()
	w.number("format", format)
	w.text("ociVersion", s.OCIVersion)
	w.text("id", s.ID)
	w.text("bundle", s.Bundle)
	w.text("rootfs", s.Rootfs)
	w.number("owner", uint64(s.Owner))
	w.text("created", s.Created.UTC().Format(time.RFC3339Nano))
	w.texts("annotations", s.Annotations)
	w.text("phase", string(s.Phase))
	w.number("pid", uint64(s.Pid))
	w.number("startTime", s.StartTime)
	w.bool("terminal", s.Terminal)
	w.bool("noNewKeyring", s.NoNewKeyring)
	if s.Keyring != "" {
		w.text("keyring", s.Keyring)
	}
	w.name("cgroup")
	w.open()
	w.text("driver", s.Cgroup.Driver)
	w.texts("paths", s.Cgroup.Paths)
	w.text("unit", s.Cgroup.Unit)
	w.text("slice", s.Cgroup.Slice)
	w.bool("rootless", s.Cgroup.Rootless)
	w.list("kept", s.Cgroup.Preexisting)
	if s.Cgroup.Owner != "" {
		w.text("owner", s.Cgroup.Owner)
	}
	w.close()
	if s.IntelRdt != (IntelRdt{}) {
		w.name("intelRdt")
		w.open()
		w.text("class", s.IntelRdt.Class)
		w.text("monitor", s.IntelRdt.Monitor)
		w.close()
	}
	w.added(s.Added)
	w.close()
	return append(w.dst, '\n')
}

// Names of the objects in state.json.
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
	version, created := 0, ""
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
	sc.End()
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

// object writes nested JSON objects, members in the order of the calls.
type object struct {
	dst    []byte
	indent string // of one level; "" writes everything on one line
	depth  int
	filled bool // the object that is open has a member
}

// name starts a member.
func (w *object) name(name string) {
	if w.filled {
		w.dst = append(w.dst, ',')
	}
	w.filled = true
	w.newline()
	w.dst = append(jsonscan.AppendString(w.dst, name), ':')
	if w.indent != "" {
		w.dst = append(w.dst, ' ')
	}
}

func (w *object) newline() {
	if w.indent == "" {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, w.indent...)
	}
}

// open starts the outermost object; for one that is a member, name comes first.
func (w *object) open() {
	w.dst = append(w.dst, '{')
	w.depth++
	w.filled = false
}

func (w *object) close() {
	w.depth--
	if w.filled {
		w.newline()
	}
	w.dst = append(w.dst, '}')
	w.filled = true
}

func (w *object) text(name, value string) {
	w.name(name)
	w.dst = jsonscan.AppendString(w.dst, value)
}

func (w *object) number(name string, value uint64) {
	w.name(name)
	w.dst = strconv.AppendUint(w.dst, value, 10)
}

func (w *object) bool(name string, value bool) {
	w.name(name)
	w.dst = strconv.AppendBool(w.dst, value)
}

// list writes an array. An empty one is left out.
func (w *object) list(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.name(name)
	for i, v := range values {
		w.dst = append(w.dst, "[,"[min(i, 1)])
		w.dst = jsonscan.AppendString(w.dst, v)
	}
	w.dst = append(w.dst, ']')
}

// texts writes a map, sorted so that the same state is the same text. An empty one is left out.
func (w *object) texts(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w.name(name)
	w.open()
	for _, k := range keys {
		w.text(k, m[k])
	}
	w.close()
}
