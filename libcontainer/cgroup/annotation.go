package cgroup

import (
	"sort"
	"strings"

	"rt/libcontainer/diag"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// propertyPrefix begins the annotations that are properties of the container's systemd unit, with a GVariant text as the value:
// "org.systemd.property.TimeoutStopUSec": "uint64 5000000" (org.freedesktop.systemd1(5); the GVariant documentation of GLib).
const propertyPrefix = "org.systemd.property."

// secondsMax keeps a number of seconds, in microseconds, within the type of the properties.
const secondsMax = 1 << 43

// properties reads the annotations that are properties, in order of their names. A name in "Sec" takes seconds, as unit files do, and becomes
// the "USec" that D-Bus has.
func properties(annotations map[string]string) ([]sd.Property, error) {
	var list []sd.Property
	for key, text := range annotations {
		name, ok := strings.CutPrefix(key, propertyPrefix)
		if !ok {
			continue
		}
		field := `annotations["` + key + `"]`
		if !isPropertyName(name) {
			return nil, diag.At(field, "a property's name is made of letters, as in "+propertyPrefix+"CollectMode")
		}
		if reachesOut(name) {
			return nil, diag.At(field, "would have systemd do something outside of the container: no annotation may ask for that")
		}
		value, err := dbus.ParseVariant(text, dbus.Signature{})
		if err != nil {
			return nil, &diag.Error{Kind: diag.Document, Field: field, Value: text, Problem: `must be a GVariant text, such as "true", "'text'" or "uint64 5"`, Err: err}
		}
		if seconds, ok := strings.CutSuffix(name, "Sec"); ok && !strings.HasSuffix(name, "USec") {
			if value, ok = microseconds(value); !ok {
				e := diag.At(field, "must be a number of seconds, not negative")
				e.Value = text
				return nil, e
			}
			name = seconds + "USec"
		}
		list = append(list, sd.Property{Name: name, Value: value})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list, nil
}

// reachesOut reports whether a property makes systemd run programs or other units, or end the machine. A scope has most of them not; but annotations come
// from whoever describes a container, and what they can ask for is not left to the version of systemd (CVE-2024-3154 of CRI-O).
func reachesOut(name string) bool {
	for _, prefix := range [...]string{"Exec", "OnFailure", "OnSuccess", "FailureAction", "SuccessAction", "JobTimeoutAction", "StartLimitAction"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// isPropertyName reports whether name can be that of a D-Bus property of systemd.
func isPropertyName(name string) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return len(name) > 2
}

// microseconds turns seconds of any number type into the uint64 of microseconds that systemd's properties are.
func microseconds(v dbus.Variant) (dbus.Variant, bool) {
	var s float64
	switch n := v.Value().(type) {
	case int16:
		s = float64(n)
	case uint16:
		s = float64(n)
	case int32:
		s = float64(n)
	case uint32:
		s = float64(n)
	case int64:
		s = float64(n)
	case uint64:
		s = float64(n)
	case float64:
		s = n
	default:
		return v, false
	}
	if !(s >= 0 && s < secondsMax) {
		return v, false
	}
	return dbus.MakeVariant(uint64(s * 1e6)), true
}
