package cgroup

import (
	"strconv"
	"strings"
)

// parseVariant reads a value in GVariant's text format (GLib, "GVariant Text Format"), as far as the properties that an
// annotation may set need it: true and false, numbers that are not negative, texts, and lists of texts, each with or
// without a type name or signature before it. It returns a bool, a uint64, a float64, a string or a []string.
//
// The parser of godbus is not safe for annotations: it recurses for each bracket, and loops forever on a number such as
// 0x40000000000000.۶.
func parseVariant(text string) (any, bool) {
	p := variantParser{rest: text}
	v, ok := p.parseValue()
	p.skipSpace()
	return v, ok && p.rest == ""
}

// variantParser is the rest of a text being parsed.
type variantParser struct{ rest string }

// variantTypes are the types that may precede a value, in both forms.
var variantTypes = [...]string{
	"boolean", "@b", "byte", "@y", "int16", "@n", "uint16", "@q", "int32", "@i", "uint32", "@u", "int64", "@x",
	"uint64", "@t", "double", "@d",
	"string", "@s", "@as",
}

func (p *variantParser) skipSpace() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// parseValue parses a value and the type that precedes it. The type is ignored: the value is converted to the type of
// its property.
func (p *variantParser) parseValue() (any, bool) {
	p.skipSpace()
	for _, t := range variantTypes {
		if rest, ok := strings.CutPrefix(p.rest, t+" "); ok {
			p.rest = rest
			p.skipSpace()
			break
		}
	}
	switch {
	case p.rest == "":
		return nil, false
	case p.rest[0] == '\'' || p.rest[0] == '"':
		return p.parseText()
	case p.rest[0] == '[':
		return p.parseList()
	}
	return p.parseWord()
}

// parseWord reads a boolean or a number.
func (p *variantParser) parseWord() (any, bool) {
	end := strings.IndexAny(p.rest, " \t\r\n")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	switch {
	case w == "true":
		return true, true
	case w == "false":
		return false, true
	case strings.ContainsAny(w, "_bo"), w[0] < '0' || w[0] > '9': // numbers to Go, but not to GVariant
		return nil, false
	}
	if n, err := strconv.ParseUint(w, 0, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(w, 64)
	return f, err == nil && !strings.ContainsAny(w, "xX")
}

// parseList reads a list of texts.
func (p *variantParser) parseList() (any, bool) {
	p.rest = p.rest[1:]
	list := []string{}
	for {
		p.skipSpace()
		switch {
		case len(list) == 0 && strings.HasPrefix(p.rest, "]"):
			p.rest = p.rest[1:]
			return list, true
		case p.rest == "" || p.rest[0] != '\'' && p.rest[0] != '"':
			return nil, false
		}
		s, ok := p.parseText()
		if !ok {
			return nil, false
		}
		list = append(list, s)
		p.skipSpace()
		if p.rest == "" || p.rest[0] != ',' && p.rest[0] != ']' {
			return nil, false
		}
		last := p.rest[0] == ']'
		p.rest = p.rest[1:]
		if last {
			return list, true
		}
	}
}

// parseText reads a text in quotes of either kind.
func (p *variantParser) parseText() (string, bool) {
	quote := p.rest[0]
	p.rest = p.rest[1:]
	var b strings.Builder
	for p.rest != "" {
		if p.rest[0] == quote {
			p.rest = p.rest[1:]
			return b.String(), true
		}
		if p.rest[0] != '\\' {
			b.WriteByte(p.rest[0])
			p.rest = p.rest[1:]
			continue
		}
		// GVariant's escapes are Go's without \x and octal numbers; of others the backslash is dropped.
		if len(p.rest) > 1 && !strings.ContainsRune("abfnrtvuU\\", rune(p.rest[1])) {
			b.WriteByte(p.rest[1])
			p.rest = p.rest[2:]
			continue
		}
		r, _, rest, err := strconv.UnquoteChar(p.rest, quote)
		if err != nil {
			return "", false
		}
		b.WriteRune(r)
		p.rest = rest
	}
	return "", false
}
