// Package rdt puts a container into a class of the resctrl file system: shares of the L3 cache and of the memory bandwidth, and their monitoring.
//
// It turns linux.intelRdt into directories and files of a mounted resctrl, and at the end of the container takes away what it has made. rt runs it; the boot
// process never does. It refuses to mount resctrl, to change a class that others have made, and to guess what a schema means.
//
// It follows config-linux.md, IntelRdt, and Documentation/filesystems/resctrl.rst of the kernel.
package rdt

import (
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

const origin = "linux.intelRdt"

// Group is where a container goes: a class, and in it perhaps a monitoring group.
type Group struct {
	Made
	root, class string // directories
	monitor     string // "" for none
	fresh       bool   // the class is to be made
	config      *specs.LinuxIntelRdt
}

// Made are the directories that go with the container. A class that has a name in the config stays (config-linux.md, IntelRdt): others may have joined it.
type Made struct{ Class, Monitor string }

// Mounted finds resctrl in this mount namespace.
func Mounted() (string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("resctrl"))
	if err != nil {
		return "", &diag.Error{Kind: diag.Host, Field: origin, Problem: "the mounts of this machine can't be read", Err: err}
	}
	if len(mounts) == 0 {
		return "", &diag.Error{
			Kind: diag.Host, Field: origin, Problem: "takes the resctrl file system, and it is not mounted",
			Hint: "mount -t resctrl resctrl /sys/fs/resctrl, where the processor and the kernel have it",
		}
	}
	return mounts[0].Mountpoint, nil
}

// Of is the place of container id in the resctrl that is mounted at root: of one that is there.
func Of(root, id string, config *specs.LinuxIntelRdt) *Group {
	g := &Group{root: root, class: root, config: config}
	switch config.ClosID {
	case "/":
	case "":
		g.class += "/" + id
	default:
		g.class += "/" + config.ClosID
	}
	if config.EnableMonitoring {
		g.monitor = g.class + "/mon_groups/" + id
	}
	return g
}

// Find is Of for a container to come, and finds what has to be made for it. It changes nothing.
func Find(root, id string, config *specs.LinuxIntelRdt) (*Group, error) {
	g := Of(root, id, config)
	name, field := config.ClosID, origin+".closID"
	if name == "" {
		name, field = id, origin
	}
	switch name {
	case "info", "mon_groups", "mon_data":
		return nil, &diag.Error{Kind: diag.Document, Field: field, Value: name, Problem: "is a name that resctrl itself uses"}
	}
	there, err := exists(g.class)
	if err != nil {
		return nil, failure(field, "look for the class "+g.class, err)
	}
	switch {
	case there:
		if err := g.compare(); err != nil {
			return nil, err
		}
	case config.ClosID != "" && len(g.lines()) == 0:
		return nil, &diag.Error{
			Kind: diag.Host, Field: field, Value: name,
			Problem: "there is no such class, and the config has no schemata to make it with", Errno: unix.ENOENT,
		}
	default:
		g.fresh = true
		if config.ClosID == "" {
			g.Class = g.class
		}
	}
	if g.monitor != "" {
		g.Monitor = g.monitor
		if there, err := exists(g.monitor); err != nil || there {
			if there {
				err = unix.EEXIST
			}
			return nil, failure(origin+".enableMonitoring", "the monitoring group "+g.monitor+" can't be made", err)
		}
	}
	return g, nil
}

// line is one that goes to a schemata file.
type line struct{ field, text string }

// lines are in the order in which the specification wants them written.
func (g *Group) lines() []line {
	var lines []line
	if s := g.config.L3CacheSchema; s != "" {
		lines = append(lines, line{origin + ".l3CacheSchema", s})
	}
	if s := g.config.MemBwSchema; s != "" {
		lines = append(lines, line{origin + ".memBwSchema", s})
	}
	for _, s := range g.config.Schemata {
		lines = append(lines, line{origin + ".schemata", s})
	}
	return lines
}

// compare makes sure that a class that is there already has the schemas of l3CacheSchema and memBwSchema.
func (g *Group) compare() error {
	var has map[string]string
	for _, l := range g.lines() {
		if l.field == origin+".schemata" {
			continue
		}
		if has == nil {
			text, err := read(g.class + "/schemata")
			if err != nil {
				return failure(l.field, "read the schemata of the class "+g.class, err)
			}
			has = domains(text)
		}
		for domain, value := range domains(l.text) {
			if has[domain] != value {
				return &diag.Error{
					Kind: diag.Host, Field: l.field, Value: l.text,
					Problem: "the class " + g.class + " is there already, and has " + quote(has[domain]) + " for " + domain,
				}
			}
		}
	}
	return nil
}

func quote(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// domains reads "L3:0=7f0;1=1f" into "L3:0" and "L3:1". The kernel pads its numbers with zeros and blanks.
func domains(text string) map[string]string {
	values := make(map[string]string)
	for one := range strings.Lines(text) {
		resource, rest, _ := strings.Cut(strings.TrimSpace(one), ":")
		for domain := range strings.SplitSeq(rest, ";") {
			id, value, ok := strings.Cut(domain, "=")
			if !ok {
				continue
			}
			value = strings.ToLower(strings.TrimLeft(strings.TrimSpace(value), "0"))
			if value == "" {
				value = "0"
			}
			values[strings.TrimSpace(resource)+":"+strings.TrimSpace(id)] = value
		}
	}
	return values
}
