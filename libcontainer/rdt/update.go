package rdt

import "rt/internal/diag"

// Schemas are the schemas that `update` changes; "" leaves one unchanged.
type Schemas struct{ L3Cache, MemBw string }

// Update changes the schemas of an existing container's class in one write, of which the kernel takes all or nothing.
// It affects all members of a class that the config names. The default class, which holds the rest of the machine, is
// not changed.
func (g *Group) Update(s Schemas) error {
	field, text, value := "", "", ""
	for _, l := range []line{{"--l3-cache-schema", s.L3Cache}, {"--mem-bw-schema", s.MemBw}} {
		if l.text != "" {
			if field != "" {
				field, value = field+" and ", value+" "
			}
			field, value, text = field+l.field, value+l.text, text+l.text+"\n"
		}
	}
	if text == "" {
		return nil
	}
	if g.class == g.root {
		return &diag.Error{
			Kind: diag.Host, Field: field, Value: value,
			Problem: `the container is in the default class of resctrl (linux.intelRdt.closID "/"), which the whole ` +
				`machine shares`,
			Hint: "change " + g.root + "/schemata itself, if that is what you want",
		}
	}
	if err := write(g.class+"/schemata", text); err != nil {
		e := failure(field, "the class "+g.class+" refuses it"+g.status(), err)
		e.Value = value
		return e
	}
	return nil
}
