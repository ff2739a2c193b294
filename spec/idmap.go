package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// maxMappings is how many lines /proc/PID/uid_map takes: user_namespaces(7), Linux 4.15.
const maxMappings = 340

// noID is the id that means "none" to the kernel: setresuid(2) does not change an id for it.
const noID = 1<<32 - 1

// idMappings checks linux.uidMappings and linux.gidMappings (config-linux.md, User namespace mappings).
func (c *checker) idMappings(linux *specs.Linux, s *Spec) {
	isNew := s.Namespaces.New&unix.CLONE_NEWUSER != 0
	for _, m := range []struct {
		at   location
		root string
		list []specs.LinuxIDMapping
		to   *[]specs.LinuxIDMapping
	}{
		{locationOf("linux.uidMappings"), "uid 0", linux.UIDMappings, &s.UIDMappings},
		{locationOf("linux.gidMappings"), "gid 0", linux.GIDMappings, &s.GIDMappings},
	} {
		switch {
		case len(m.list) > 0 && !s.Namespaces.Has(unix.CLONE_NEWUSER) && !c.unsure:
			c.warn(m.at, `has no effect: it needs {"type": "user"} in linux.namespaces`)
		case len(m.list) > 0:
			*m.to = m.list
			if c.mappings(m.at, m.list) && isNew && !mapsID(m.list, 0) {
				c.bad(m.at, "", "has no mapping for "+m.root+": the root of the user namespace sets the container up")
			}
		case isNew && !c.unsure:
			c.bad(m.at, "", "is required for a new user namespace: without it, every id in there is nobody")
		}
	}
}

// mappings checks one list of ranges as the kernel will when it is written to /proc/PID/uid_map, or to an id-mapped
// mount.
func (c *checker) mappings(at location, list []specs.LinuxIDMapping) bool {
	before := len(c.problems)
	if len(list) > maxMappings {
		c.bad(at, strconv.Itoa(len(list)), "has more entries than the kernel takes, "+strconv.Itoa(maxMappings))
	}
	for i, m := range list {
		one := at.At(i)
		if m.Size == 0 {
			c.bad(one.Dot("size"), "0", "must be at least 1")
			continue
		}
		for _, first := range []struct {
			name string
			id   uint32
		}{{"containerID", m.ContainerID}, {"hostID", m.HostID}} {
			if uint64(first.id)+uint64(m.Size) > noID {
				c.bad(one, "", first.name+" "+utoa(first.id)+" and size "+utoa(m.Size)+" go beyond the last id, "+
					"4294967294")
			}
		}
		for j, other := range list[:i] {
			if overlap(m.ContainerID, m.Size, other.ContainerID, other.Size) {
				c.bad(one, "", "maps container ids that "+at.At(j).String()+" maps already")
			}
			if overlap(m.HostID, m.Size, other.HostID, other.Size) {
				c.bad(one, "", "maps to host ids that "+at.At(j).String()+" maps to already")
			}
		}
	}
	return len(c.problems) == before
}

// overlap reports whether two ranges of ids have one in common.
func overlap(a, aSize, b, bSize uint32) bool {
	return uint64(a) < uint64(b)+uint64(bSize) && uint64(b) < uint64(a)+uint64(aSize)
}

// mapsID reports whether list maps the id of the container.
func mapsID(list []specs.LinuxIDMapping, id uint32) bool {
	for _, m := range list {
		if overlap(m.ContainerID, m.Size, id, 1) {
			return true
		}
	}
	return false
}

// checkMappedUser checks that the user of the process exists in the user namespace that the document makes.
func (c *checker) checkMappedUser(s *Spec) {
	if s.Namespaces.New&unix.CLONE_NEWUSER == 0 {
		return
	}
	id := func(at location, id uint32, mapAt Path, list []specs.LinuxIDMapping) {
		if len(list) > 0 && c.isDecoded(mapAt) && !mapsID(list, id) {
			c.bad(at, utoa(id), "is not mapped by "+string(mapAt)+": no process of the container can have this id")
		}
	}
	p := s.Process
	id(locationOf("process.user.uid"), p.UID, "linux.uidMappings", s.UIDMappings)
	id(locationOf("process.user.gid"), p.GID, "linux.gidMappings", s.GIDMappings)
	groups := locationOf("process.user.additionalGids")
	for i, g := range p.Groups {
		id(groups.At(i), g, "linux.gidMappings", s.GIDMappings)
	}
}

func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
