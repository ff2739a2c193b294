package cgroup

import (
	"os"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// deviceAllow is an entry of DeviceAllow, of D-Bus type (ss).
type deviceAllow struct {
	Node, Access string
}

// deviceProperties expresses the rules as systemd can: deny by default, with a list of allowed devices, each a node
// under /dev/char or /dev/block, or the name of a driver for all its devices (systemd.resource-control(5),
// DeviceAllow=). Rules that can't be expressed so are written to the files only.
func deviceProperties(rules []rule) []sd.Property {
	if len(rules) == 0 {
		return nil // an update without device rules
	}
	// An empty list first clears an earlier one.
	empty := sd.Property{Name: "DeviceAllow", Value: dbus.MakeVariant([]deviceAllow{})}
	auto := []sd.Property{{Name: "DevicePolicy", Value: dbus.MakeVariant("auto")}, empty}
	var list []deviceAllow
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
		node := "/dev/" + kind + "/" + formatNumber(r.major) + ":" + formatNumber(r.minor)
		switch {
		case r.major == anyNumber:
			node = kind + "-*"
		case r.minor == anyNumber:
			node = kind + "-" + driverOf(kind, r.major)
		}
		list = append(list, deviceAllow{node, perms})
	}
	return []sd.Property{
		{Name: "DevicePolicy", Value: dbus.MakeVariant("strict")},
		empty,
		{Name: "DeviceAllow", Value: dbus.MakeVariant(list)},
	}
}

// driverOf returns the name that /proc/devices has for a major number, or the number if no driver has it.
func driverOf(kind string, major int64) string {
	text, err := os.ReadFile("/proc/devices")
	if err != nil {
		return formatNumber(major)
	}
	head, block, _ := strings.Cut(string(text), "Block devices:")
	if kind == "block" {
		head = block
	}
	for line := range strings.Lines(head) {
		n, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && n == formatNumber(major) {
			return name
		}
	}
	return formatNumber(major)
}
