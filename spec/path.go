package spec

import (
	"strconv"
	"strings"

	"rt/internal/jsonscan"
)

// Path is the path of a value in a document: "mounts[2].options[0]".
type Path string

// Dot returns the path of a property of p.
func (p Path) Dot(name string) Path {
	if p == "" {
		return Path(name)
	}
	return p + "." + Path(name)
}

// At returns the path of an element of the array p.
func (p Path) At(i int) Path { return p + "[" + Path(strconv.Itoa(i)) + "]" }

// Key returns the path of an entry of the map p. A name that is no plain word is quoted:
// `linux.sysctl["net.ipv4.ip_forward"]`.
func (p Path) Key(name string) Path { return Path(jsonscan.AppendName([]byte(p), name)) }

// contains reports whether q is p or a part of it.
func (p Path) contains(q Path) bool {
	rest, ok := strings.CutPrefix(string(q), string(p))
	return ok && (rest == "" || p == "" || rest[0] == '.' || rest[0] == '[')
}
