// Package rdt puts a container into a class of the resctrl file system: shares of the L3 cache and of memory bandwidth,
// and their monitoring.
//
// It turns linux.intelRdt into directories and files of a mounted resctrl, and removes them with the container. It runs
// in rt only. It does not mount resctrl, change an existing class, or interpret schemas.
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

// Group is the class of a container, and perhaps a monitoring group in it.
type Group struct {
	Created
	root, class string // directories
	monitor     string // "" for none
	fresh       bool   // Create creates the class
	config      *specs.LinuxIntelRdt
}

// Created has the directories that rt has created, and removes with the container. It does not remove a class that the
// config names (config-linux.md, IntelRdt): other processes may have joined it.
type Created struct{ Class, Monitor string }

// Mounted returns the mount point of resctrl in this mount namespace.
func Mounted() (string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("resctrl"))
	if err != nil {
		return "", &diag.Error{
			Kind:    diag.Host,
			Field:   origin,
			Problem: "the mounts of this machine can't be read",
			Err:     err,
		}
	}
	if len(mounts) == 0 {
		return "", &diag.Error{
			Kind: diag.Host, Field: origin, Problem: "needs the resctrl file system, which is not mounted",
			Hint: "mount -t resctrl resctrl /sys/fs/resctrl, if the processor and the kernel support it",
		}
	}
	return mounts[0].Mountpoint, nil
}

// Load returns the group of an existing container in the resctrl that is mounted at root.
func Load(root, id string, config *specs.LinuxIntelRdt) *Group {
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

// New returns the group of a new container, and determines which directories Create has to create. It changes nothing.
func New(root, id string, config *specs.LinuxIntelRdt) (*Group, error) {
	g := Load(root, id, config)
	name, field := config.ClosID, origin+".closID"
	if name == "" {
		name, field = id, origin
	}
	switch name {
	case "info", "mon_groups", "mon_data":
		return nil, &diag.Error{Kind: diag.Document, Field: field, Value: name, Problem: "is a name that resctrl " +
			"itself uses"}
	}
	there, err := exists(g.class)
	if err != nil {
		return nil, failure(field, "the class "+g.class+" can't be examined", err)
	}
	switch {
	case there:
		if err := g.compare(); err != nil {
			return nil, err
		}
	case config.ClosID != "" && len(g.lines()) == 0:
		return nil, &diag.Error{
			Kind: diag.Host, Field: field, Value: name,
			Problem: "there is no such class, and the config has no schemata for a new one", Errno: unix.ENOENT,
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

// line is a line for a schemata file, with its field.
type line struct{ field, text string }

// lines returns the lines in the order in which the specification wants them written.
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

// compare checks that an existing class has the schemas of l3CacheSchema and memBwSchema.
func (g *Group) compare() error {
	var has map[string]string
	for _, l := range g.lines() {
		if l.field == origin+".schemata" {
			continue
		}
		if has == nil {
			text, err := read(g.class + "/schemata")
			if err != nil {
				return failure(l.field, "the schemata of the class "+g.class+" can't be read", err)
			}
			has = domains(text)
		}
		for domain, value := range domains(l.text) {
			if has[domain] != value {
				return &diag.Error{
					Kind: diag.Host, Field: l.field, Value: l.text,
					Problem: "the class " + g.class + " exists already, and has " + orNothing(has[domain]) + " for " +
						domain,
				}
			}
		}
	}
	return nil
}

// orNothing returns s, "nothing" if it is empty.
func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// domains parses "L3:0=7f0;1=1f" into the keys "L3:0" and "L3:1". The kernel pads its numbers with zeros and blanks.
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
