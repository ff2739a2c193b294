package cgroup

import (
	"maps"
	"slices"
	"strings"

	"rt/internal/diag"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// propertyPrefix is the prefix of annotations that set properties of the container's systemd unit, with a GVariant text
// as the value: "org.systemd.property.TimeoutStopUSec": "uint64 5000000" (org.freedesktop.systemd1(5); the GVariant
// documentation of GLib).
const propertyPrefix = "org.systemd.property."

// propertyTextMax is the greatest length of a value, in bytes: an error repeats it.
const propertyTextMax = 1024

// parseProperties converts the annotations that are properties, in order of their names. Only those of
// allowedProperties are taken. A name that ends in "Sec" takes seconds, as unit files do, and becomes the "USec" that
// D-Bus has.
func parseProperties(annotations map[string]string) ([]sd.Property, error) {
	var list []sd.Property
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, propertyPrefix)
		if !ok {
			continue
		}
		p, err := parseProperty(name, annotations[key])
		if err != nil {
			err.Field = `annotations["` + key + `"]`
			return nil, err
		}
		if slices.ContainsFunc(list, func(q sd.Property) bool { return q.Name == p.Name }) {
			return nil, diag.At(
				`annotations["`+key+`"]`,
				"another annotation gives "+p.Name+" as well; remove one of the two",
			)
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b sd.Property) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// parseProperty returns the property that an annotation asks for. Its error has no field yet.
func parseProperty(name, text string) (sd.Property, *diag.Error) {
	bad := func(problem string) (sd.Property, *diag.Error) {
		return sd.Property{}, &diag.Error{Kind: diag.Document, Value: text, Problem: problem}
	}
	full := name
	seconds := strings.HasSuffix(name, "Sec") && !strings.HasSuffix(name, "USec")
	if seconds {
		full = strings.TrimSuffix(name, "Sec") + "USec"
	}
	allowed, ok := allowedProperties()[full]
	switch {
	case !ok:
		return sd.Property{}, refusedProperty(full)
	case len(text) > propertyTextMax:
		return sd.Property{}, &diag.Error{Kind: diag.Document, Problem: "is longer than a property can be, 1024 bytes"}
	}
	value, ok := parseVariant(text)
	if !ok {
		return bad("must be " + allowed.words + " (GVariant's text format)")
	}
	if seconds {
		if value, ok = toMicroseconds(value); !ok {
			return bad("must be a number of seconds, not negative")
		}
	}
	typed, ok := allowed.take(value)
	if !ok {
		return bad("must be " + allowed.words)
	}
	return sd.Property{Name: full, Value: dbus.MakeVariant(typed)}, nil
}

// refusedProperty returns the error of a property that no annotation may set, with the field to use instead, or the
// allowed properties.
func refusedProperty(name string) *diag.Error {
	e := &diag.Error{
		Kind:    diag.Document,
		Problem: "no annotation may set the property " + name + ", which could affect more than the container",
	}
	if instead, ok := ownProperties()[name]; ok {
		e.Problem = "no annotation may set the property " + name + ": rt sets it"
		e.Hint = "ask for it with " + instead
		return e
	}
	e.Hint = "allowed are " + strings.Join(slices.Sorted(maps.Keys(allowedProperties())), ", ")
	return e
}

// UnsafeAnnotations lists the annotations of a config that affect more than the container, for engines that pass on
// annotations of their users. A name that ends in a dot is a prefix (features.md, potentiallyUnsafeConfigAnnotations;
// CVE-2024-3154 of CRI-O).
func UnsafeAnnotations() []string {
	return []string{
		"org.criu.config",
		propertyPrefix,
		"run.oci.hooks.",
		"run.oci.keep_original_groups",
		"run.oci.pidfd_receiver",
	}
}
