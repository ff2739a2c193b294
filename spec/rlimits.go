package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// rlimitTypes are the resources of getrlimit(2), sorted.
var rlimitTypes = []struct {
	name     string
	resource int
}{
	{"RLIMIT_AS", unix.RLIMIT_AS},
	{"RLIMIT_CORE", unix.RLIMIT_CORE},
	{"RLIMIT_CPU", unix.RLIMIT_CPU},
	{"RLIMIT_DATA", unix.RLIMIT_DATA},
	{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", unix.RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", unix.RLIMIT_NICE},
	{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE},
	{"RLIMIT_NPROC", unix.RLIMIT_NPROC},
	{"RLIMIT_RSS", unix.RLIMIT_RSS},
	{"RLIMIT_RTPRIO", unix.RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", unix.RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", unix.RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", unix.RLIMIT_STACK},
}

// RlimitTypes returns the types that process.rlimits may name, sorted.
func RlimitTypes() []string {
	var list []string
	for _, r := range rlimitTypes {
		list = append(list, r.name)
	}
	return list
}

// RlimitNumber returns the resource of getrlimit(2) that a type names, and whether it names one.
func RlimitNumber(name string) (int, bool) {
	for _, t := range rlimitTypes {
		if t.name == name {
			return t.resource, true
		}
	}
	return 0, false
}

// checkRlimits checks process.rlimits (config.md, POSIX process).
func (c processChecker) checkRlimits(at location, list []specs.POSIXRlimit) []Rlimit {
	var out []Rlimit
	for i, r := range list {
		one := at.At(i)
		resource, known := RlimitNumber(r.Type)
		if !known {
			c.refuseWord(one.Dot("type"), r.Type, RlimitTypes())
			continue
		}
		for _, other := range out {
			if other.Resource == resource {
				c.refuse(one.Dot("type"), r.Type, "is given twice: "+at.At(other.Index).String()+" sets it already")
			}
		}
		if r.Soft > r.Hard {
			c.refuse(one.Dot("soft"), strconv.FormatUint(r.Soft, 10),
				"must not be above the hard limit, "+strconv.FormatUint(r.Hard, 10))
		}
		out = append(out, Rlimit{Type: r.Type, Resource: resource, Soft: r.Soft, Hard: r.Hard, Index: i})
	}
	return out
}

// refuseWord refuses a word that is not one of known. It names the one that was probably meant, if there is one.
func (c *checker) refuseWord(at location, word string, known []string) {
	all := "one of " + strings.Join(known, ", ")
	switch near := Nearest(word, known); {
	case word == "":
		c.refuse(at, "", "is required: "+all)
	case near != "":
		c.refuse(at, word, "is not known: did you mean "+near+"? It must be "+all)
	default:
		c.refuse(at, word, "must be "+all)
	}
}
