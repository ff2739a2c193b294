package spec

import (
	"strconv"

	"rt/internal/jsonscan"
)

// location is the path of a value that has not been formatted: a list that leads up to the document. The checks pass
// locations down, and nearly all of them are never printed. On the stack they cost nothing, where strings would cost a
// fresh process a page fault for each size class that the allocator has not used before.
type location struct {
	up    *location
	name  string // of a property, or the key of a map
	key   bool
	index int // of an element, after the name if there is one; -1 for none
}

// locationOf returns the location of a path.
func locationOf(path Path) location { return location{name: string(path), index: -1} }

// Dot returns the location of a property.
func (l *location) Dot(name string) location { return location{up: l, name: name, index: -1} }

// Key returns the location of an entry of a map.
func (l *location) Key(name string) location {
	return location{up: l, name: name, key: true, index: -1}
}

// At returns the location of an element.
func (l *location) At(i int) location { return location{up: l, index: i} }

// DotAt returns the location of an element of a property.
func (l *location) DotAt(name string, i int) location { return location{up: l, name: name, index: i} }

// append formats the location and appends it to b. It copies names byte by byte: if the result could refer to one of
// them, the compiler, which does not tell the fields of a struct apart, would have to put all locations on the heap.
func (l *location) append(b []byte) []byte {
	if l.up != nil {
		b = l.up.append(b)
	}
	switch {
	case l.key:
		b = jsonscan.AppendName(b, l.name)
	case l.name != "":
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, l.name...)
	}
	if l.index >= 0 {
		b = append(strconv.AppendInt(append(b, '['), int64(l.index), 10), ']')
	}
	return b
}

func (l location) path() Path { return Path(l.append(nil)) }

func (l location) String() string { return string(l.append(nil)) }
