package audit

import (
	"os"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/libcontainer/process"
)

// compareNamespaces compares the namespaces of the init with those of rt and those that the config joins.
func (r *report) compareNamespaces() error {
	for _, k := range process.Namespaces {
		its, err := inodeOf("/proc/" + strconv.Itoa(r.Pid) + "/ns/" + k.Link)
		if err != nil {
			if os.IsNotExist(err) {
				continue // this kernel has no such namespaces
			}
			return readError("the namespaces", "stat", err)
		}
		own, err := inodeOf("/proc/self/ns/" + k.Link)
		if err != nil {
			continue
		}
		now := k.Link + ":[" + strconv.FormatUint(its, 10) + "]"
		join := r.Spec.Namespaces.Joined(k.Flag)
		switch {
		case r.Spec.Namespaces.New&k.Flag != 0:
			finding := ""
			if its == own {
				finding = "is in rt's own namespace"
			}
			r.add("namespaces", k.Link, "linux.namespaces", now, "one of its own", finding)
		case join != nil:
			finding := ""
			if n, err := inodeOf(join.Path); err == nil && n != its {
				finding = "is in another namespace than that of the path"
			}
			r.add("namespaces", k.Link, join.Field(), now, join.Path, finding)
		default:
			finding := ""
			if its != own {
				finding = "is in another namespace than rt"
			}
			r.add("namespaces", k.Link, "linux.namespaces", now, "that of rt", finding)
		}
	}
	return nil
}

// inodeOf returns the inode number of a namespace. path is an entry of /proc/PID/ns, or a path of the config.
func inodeOf(path string) (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return st.Ino, err
}

// compareIDMaps compares the maps of a new user namespace.
func (r *report) compareIDMaps() {
	if r.Spec.Namespaces.New&unix.CLONE_NEWUSER == 0 {
		return
	}
	for _, m := range [...]struct {
		file, field string
		want        []specs.LinuxIDMapping
	}{
		{process.UIDMap, "linux.uidMappings", r.Spec.UIDMappings},
		{process.GIDMap, "linux.gidMappings", r.Spec.GIDMappings},
	} {
		list, err := process.ReadIDMap(r.Pid, m.file)
		if err != nil {
			continue
		}
		r.compare("namespaces", m.file, m.field, formatIDMap(list), formatIDMap(m.want), "maps other ids")
	}
}

// formatIDMap formats a map, whose order has no meaning.
func formatIDMap(list []specs.LinuxIDMapping) string {
	var lines []string
	for _, m := range list {
		lines = append(lines, process.FormatIDMapping(m))
	}
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}
