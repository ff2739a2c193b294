package spec

import "strconv"

// Path is how rt points into a document: "mounts[2].options[0]".
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
