package audit

import (
	"fmt"
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
	}{{"uid_map", "linux.uidMappings", r.Spec.UIDMappings}, {"gid_map", "linux.gidMappings", r.Spec.GIDMappings}} {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(r.Pid) + "/" + m.file)
		if err != nil {
			continue
		}
		var now, want []string
		for line := range strings.Lines(string(text)) {
			now = append(now, strings.Join(strings.Fields(line), " "))
		}
		for _, e := range m.want {
			want = append(want, fmt.Sprintf("%d %d %d", e.ContainerID, e.HostID, e.Size))
		}
		slices.Sort(now)
		slices.Sort(want)
		r.compare("namespaces", m.file, m.field, strings.Join(now, ", "), strings.Join(want, ", "), "maps other ids")
	}
}
