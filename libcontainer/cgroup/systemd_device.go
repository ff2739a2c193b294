package cgroup

import (
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// deviceProperties says the rules as systemd can: a default of no device, and a list of those that are allowed, which the node under
// /dev/char or /dev/block stands for (systemd.resource-control(5), DeviceAllow=). Rules that don't fit leave all to the files.
func deviceProperties(rules []rule) []sd.Property {
	if len(rules) == 0 {
		return nil // an update that leaves them alone
	}
	type allow struct{ Path, Access string }
	auto := []sd.Property{{Name: "DevicePolicy", Value: dbus.MakeVariant("auto")}, {Name: "DeviceAllow", Value: dbus.MakeVariant([]allow{})}}
	var list []allow
	for i, r := range rules {
		switch {
		case i == 0 && !r.allow:
			continue
		case !r.allow || r.kind == 'a' || r.major == anyNumber && r.minor != anyNumber:
			return auto
		}
		kind := "char"
		if r.kind == 'b' {
			kind = "block"
		}
		_, perms, _ := strings.Cut(r.String()[2:], " ")
		switch {
		case r.major == anyNumber:
			list = append(list, allow{kind + "-*", perms})
		case r.minor == anyNumber:
			list = append(list, allow{kind + "-" + number(r.major), perms})
		default:
			list = append(list, allow{"/dev/" + kind + "/" + number(r.major) + ":" + number(r.minor), perms})
		}
	}
	return []sd.Property{
		{Name: "DevicePolicy", Value: dbus.MakeVariant("strict")},
		{Name: "DeviceAllow", Value: dbus.MakeVariant([]allow{})}, // an empty list first takes away what an earlier one has set
		{Name: "DeviceAllow", Value: dbus.MakeVariant(list)},
	}
}
