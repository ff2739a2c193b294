package spec

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

// checker collects the problems of one document. Its methods, one file for each section of the specification, read the
// decoded document and write the checked one; they leave out the values that they complain about.
type checker struct {
	bundle string

	problems []*diag.Error
	warnings []string
	unknown  []Unknown
	repeated []Repeated
	broken   bool         // the document is not JSON: there is nothing to check
	mistyped []Path       // values that could not be decoded, and so are absent now
	relative []relativeID // the ranges of the mount being checked that are marked with an @
	unsure   bool         // linux.namespaces has problems of its own: which namespaces are meant is a guess
}

// document checks a whole config.json. Sections that later ones depend on come first: the namespaces, then their id
// maps.
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
		s.Process = c.process(locationOf("process"), oci.Process)
		c.checkMappedUser(s)
	}
	c.mounts(oci.Mounts, s)
	c.devices(linux.Devices, s)
	c.masked(linux, s)
	c.rootPropagation(linux.RootfsPropagation, s)
	c.sysctl(linux.Sysctl, s)
	c.netDevices(linux.NetDevices, s)
	c.cgroupsPath(linux.CgroupsPath, s)
	if linux.Resources != nil {
		c.resources(locationOf("linux.resources"), linux.Resources)
		noPidsLimit(oci.Version, linux.Resources)
	}
	c.intelRdt(linux.IntelRdt)
	c.memoryPolicy(linux.MemoryPolicy)
	c.personality(linux.Personality)
	c.hooks(oci.Hooks)
	c.annotations(oci.Annotations)
	s.MountLabel = c.label(locationOf("linux.mountLabel"), linux.MountLabel)
}

// bad records a problem: the location, the value found there (or ""), and what is wrong and what would be right.
// A value that could not be decoded has its problem already.
func (c *checker) bad(at location, value, problem string) { _ = c.badPath(at.path(), value, problem) }

func (c *checker) badPath(at Path, value, problem string) *diag.Error {
	if !c.isDecoded(at) {
		return &diag.Error{} // which nobody sees
	}
	if at == "" {
		at = wholeDocument
	}
	e := &diag.Error{Kind: diag.Document, Field: string(at), Value: value, Problem: problem}
	c.problems = append(c.problems, e)
	return e
}

// badAt records a problem at an offset of the document.
func (c *checker) badAt(doc string, offset int, at Path, problem string) {
	e := c.badPath(at, "", problem)
	e.Line, e.Column = jsonscan.LineColumn(doc, offset)
}

// warn records a problem that the specification wants reported, and that must not keep a container from starting.
func (c *checker) warn(at location, text string) {
	c.warnings = append(c.warnings, at.String()+": "+text)
}

// isDecoded reports whether the value at a path, with everything in it, was decoded. If it was not, a check of it would
// complain about an absent value.
func (c *checker) isDecoded(at Path) bool {
	for _, p := range c.mistyped {
		if p.contains(at) || at.contains(p) {
			return false
		}
	}
	return true
}

// err returns the problems as one error.
func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	first := c.problems[0]
	first.More = c.problems[1:]
	return first
}

// sorted returns the keys of m in order, so that messages and plans are the same each time.
func sorted[T any](m map[string]T) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// wholeDocument is the field of a problem that is not of one property.
const wholeDocument = "document"
