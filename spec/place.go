package spec

import (
	"strconv"

	"rt/internal/jsonscan"
)

// place is a path that has not been spelled out: a list that leads up to the document. The checks pass places down, and
// nearly all of them are never needed. On the stack they cost nothing, where strings would cost a fresh process a page
// fault for each size that the allocator has not handed out before.
type place struct {
	up    *place
	name  string // of a property, or the key of a map
	key   bool
	index int // of an element, after the name if there is one; -1 for none
}

// in returns the place of a path.
func in(path Path) place { return place{name: string(path), index: -1} }

// Dot returns the place of a property.
func (p *place) Dot(name string) place { return place{up: p, name: name, index: -1} }

// Key returns the place of an entry of a map.
func (p *place) Key(name string) place { return place{up: p, name: name, key: true, index: -1} }

// At returns the place of an element.
func (p *place) At(i int) place { return place{up: p, index: i} }

// DotAt returns the place of an element of a property.
func (p *place) DotAt(name string, i int) place { return place{up: p, name: name, index: i} }

// append spells the place out behind b. It copies names byte by byte: if the path could hold on to one of them, the
// compiler, which does not tell the fields of a struct apart, would have to put all places on the heap.
func (p *place) append(b []byte) []byte {
	if p.up != nil {
		b = p.up.append(b)
	}
	switch {
	case p.key:
		b = jsonscan.AppendName(b, p.name)
	case p.name != "":
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, p.name...)
	}
	if p.index >= 0 {
		b = append(strconv.AppendInt(append(b, '['), int64(p.index), 10), ']')
	}
	return b
}

func (p place) path() Path { return Path(p.append(nil)) }

func (p place) String() string { return string(p.append(nil)) }
