package spec

import (
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/libcontainer/diag"
	"rt/spec/jsonscan"
)

// checker collects what is wrong with one document. Its methods, one file for each section of the specification, read the decoded
// document and write the checked one; what they complain about they leave out.
type checker struct {
	bundle    string
	processAt Path

	problems []*diag.Error
	warnings []string
	unknown  []Unknown
	broken   bool   // the document is not JSON: there is nothing to check
	mistyped []Path // values that could not be decoded, and so are absent now
	unsure   bool   // linux.namespaces has problems of its own: which namespaces are meant is a guess
}

// document checks a whole config.json. What later sections depend on comes first: the namespaces, then their id maps.
func (c *checker) document(oci *specs.Spec, s *Spec) {
	c.version(oci.Version)
	c.root(oci.Root, s)
	linux := oci.Linux
	if linux == nil {
		linux = &specs.Linux{}
	}
	c.namespaces(linux.Namespaces, s)
	c.idMappings(linux, s)
	c.timeOffsets(linux.TimeOffsets, s)
	c.names(oci, s)
	if oci.Process != nil {
		s.Process = c.process("process", oci.Process)
		c.mapped(s)
	}
	c.mounts(oci.Mounts, s)
	c.devices(linux.Devices, s)
	c.paths(linux, s)
	c.rootPropagation(linux.RootfsPropagation, s)
	c.sysctl(linux.Sysctl, s)
	c.netDevices(linux.NetDevices, s)
	c.cgroupsPath(linux.CgroupsPath, s)
	if linux.Resources != nil {
		c.resources("linux.resources", linux.Resources)
	}
	c.intelRdt(linux.IntelRdt)
	c.memoryPolicy(linux.MemoryPolicy)
	c.personality(linux.Personality)
	c.hooks(oci.Hooks)
	c.annotations(oci.Annotations)
	s.MountLabel = linux.MountLabel
}

// bad notes a problem: where, what was found there (or nothing), and what is wrong and what would be right.
// A place whose value could not be decoded has its problem already.
func (c *checker) bad(at Path, value, problem string) {
	if !c.typed(at) {
		return
	}
	if at == "" {
		at = "document"
	}
	c.problems = append(c.problems, &diag.Error{Kind: diag.Document, Field: string(at), Value: value, Problem: problem})
}

// warn notes what the specification wants people to be told, and containers to be started in spite of.
func (c *checker) warn(at Path, text string) {
	c.warnings = append(c.warnings, string(at)+": "+text)
}

// typed reports whether what the document says at a place, and in all of it, was decoded. Where it was not, a rule about it would
// complain of what is not there.
func (c *checker) typed(at Path) bool {
	for _, p := range c.mistyped {
		if p.holds(at) || at.holds(p) {
			return false
		}
	}
	return true
}

// err returns what was found, as one error.
func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	first := c.problems[0]
	first.More = c.problems[1:]
	return first
}

// maxProblems bounds what a document that is wrong throughout makes rt say.
const maxProblems = 100

// decodeInto reads raw into v and notes what is no JSON, has the wrong type, is unknown or can't be handed to the kernel.
func decodeInto[T any](c *checker, raw []byte, unknown bool, v *T, read func(*jsonscan.Scanner, *T)) {
	doc := string(raw)
	s := jsonscan.New(doc)
	s.KeepUnknown = unknown
	if read(s, v); s.Err() == nil {
		s.End()
	}
	if e := s.Err(); e != nil {
		c.broken = true
		c.bad(Path(jsonscan.PathAt(doc, e.Offset)), "", "not JSON: "+e.Text+place(doc, e.Offset))
		return
	}
	var mistyped []Path
	for i, p := range s.Problems {
		if i == maxProblems {
			c.problems = append(c.problems, &diag.Error{Kind: diag.Document, Problem: strconv.Itoa(len(s.Problems)-i) + " further values have the wrong type"})
			break
		}
		at := Path(jsonscan.PathAt(doc, p.Offset))
		c.bad(at, "", p.Text+", is "+jsonscan.Found(doc, p.Offset)+place(doc, p.Offset))
		mistyped = append(mistyped, at)
	}
	c.nuls(doc, s.NULs)
	c.mistyped = mistyped
	c.nearest(doc, s.Unknown)
}

// place returns where an offset is, for the end of a message.
func place(doc string, offset int) string {
	line, column := jsonscan.LineColumn(doc, offset)
	return " (line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ")"
}

// nuls notes strings that hold a NUL byte: the kernel and the program would see only what stands before it. Annotations stay
// with rt and the engine, and may hold anything.
func (c *checker) nuls(doc string, offsets []int) {
	for i, offset := range offsets {
		at := Path(jsonscan.PathAt(doc, offset))
		if Path("annotations").holds(at) {
			continue
		}
		if i == maxProblems {
			return
		}
		c.bad(at, "", "must not hold a NUL byte: it would end the string early"+place(doc, offset))
	}
}

// sorted returns the keys of m in order, so that messages and plans come out the same each time.
func sorted[T any](m map[string]T) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
