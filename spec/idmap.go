package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// maxMappings is how many lines the kernel accepts in /proc/PID/uid_map: user_namespaces(7), Linux 4.15.
const maxMappings = 340

// noID is the id that means "none" to the kernel: setresuid(2) does not change an id for it.
const noID = 1<<32 - 1

// checkIDMappings checks linux.uidMappings and linux.gidMappings (config-linux.md, User namespace mappings).
func (c namespaceChecker) checkIDMappings(linux *specs.Linux) {
	isNew := c.spec.Namespaces.New&unix.CLONE_NEWUSER != 0
	for _, m := range []struct {
		at   location
		list []specs.LinuxIDMapping
		to   *[]specs.LinuxIDMapping
	}{
		{locationOf("linux.uidMappings"), linux.UIDMappings, &c.spec.UIDMappings},
		{locationOf("linux.gidMappings"), linux.GIDMappings, &c.spec.GIDMappings},
	} {
		switch {
		case len(m.list) > 0 && !c.spec.Namespaces.Has(unix.CLONE_NEWUSER) && !c.namespacesUnclear:
			c.warn(m.at, `has no effect: it needs {"type": "user"} in linux.namespaces`)
		case len(m.list) > 0:
			*m.to = m.list
			c.checkMappings(m.at, m.list)
		case isNew && !c.namespacesUnclear:
			c.refuse(m.at, "", "is required for a new user namespace: without it, every id in there is nobody")
		}
	}
}

// checkMappings checks one list of ranges as the kernel will: when it is written to /proc/PID/uid_map, or becomes that
// of an id-mapped mount.
func (c *checker) checkMappings(at location, list []specs.LinuxIDMapping) {
	if len(list) > maxMappings {
		c.refuse(at, strconv.Itoa(len(list)), "has more entries than the kernel takes, "+strconv.Itoa(maxMappings))
	}
	for i, m := range list {
		one := at.At(i)
		if m.Size == 0 {
			c.refuse(one.Dot("size"), "0", "must be at least 1")
			continue
		}
		for _, first := range []struct {
			name string
			id   uint32
		}{{"containerID", m.ContainerID}, {"hostID", m.HostID}} {
			if uint64(first.id)+uint64(m.Size) > noID {
				c.refuse(one, "", first.name+" "+utoa(first.id)+" and size "+utoa(m.Size)+" go beyond the last id, "+
					"4294967294")
			}
		}
		for j, other := range list[:i] {
			if overlap(m.ContainerID, m.Size, other.ContainerID, other.Size) {
				c.refuse(one, "", "maps container ids that "+at.At(j).String()+" maps already")
			}
			if overlap(m.HostID, m.Size, other.HostID, other.Size) {
				c.refuse(one, "", "maps to host ids that "+at.At(j).String()+" maps to already")
			}
		}
	}
}

// overlap reports whether two ranges of ids have one in common.
func overlap(a, aSize, b, bSize uint32) bool {
	return uint64(a) < uint64(b)+uint64(bSize) && uint64(b) < uint64(a)+uint64(aSize)
}

// mapsID reports whether list maps an id of the container.
func mapsID(list []specs.LinuxIDMapping, id uint32) bool {
	for _, m := range list {
		if overlap(m.ContainerID, m.Size, id, 1) {
			return true
		}
	}
	return false
}

// checkMappedUser checks that the user of the process exists in the user namespace that the document makes.
func (c namespaceChecker) checkMappedUser() {
	if c.spec.Namespaces.New&unix.CLONE_NEWUSER == 0 {
		return
	}
	uids, gids := c.spec.UIDMappings, c.spec.GIDMappings
	if !c.isDecoded("linux.uidMappings") {
		uids = nil
	}
	if !c.isDecoded("linux.gidMappings") {
		gids = nil
	}
	c.checkMapped(locationOf("process"), c.spec.Process, uids, gids)
}

// CheckUser checks that the user of a process that joins the container exists in its user namespace. Without it, the
// kernel would say only that the id is an invalid argument. Its errors are those of Load.
func (s *Spec) CheckUser(p *Process) error {
	var c checker
	if s.Namespaces.New&unix.CLONE_NEWUSER != 0 {
		c.checkMapped(locationOf("process"), p, s.UIDMappings, s.GIDMappings)
	}
	return c.err()
}

// checkMapped checks that the maps of a user namespace contain the ids of a process; an empty map is not known.
func (c *checker) checkMapped(process location, p *Process, uids, gids []specs.LinuxIDMapping) {
	id := func(at location, kind string, id uint32, list []specs.LinuxIDMapping) {
		if len(list) > 0 && !mapsID(list, id) {
			c.refuse(at, utoa(id), "linux."+kind+"Mappings has no mapping for "+kind+" "+utoa(id)+
				": no process of the container can have this id")
		}
	}
	user := process.Dot("user")
	id(user.Dot("uid"), "uid", p.UID, uids)
	id(user.Dot("gid"), "gid", p.GID, gids)
	groups := user.Dot("additionalGids")
	for i, g := range p.Groups {
		id(groups.At(i), "gid", g, gids)
	}
}

// checkMappedOptions checks the owners that mounts of new file systems are given, as options uid=ID and gid=ID: to the
// kernel an ID that the user namespace does not map is an invalid one (tmpfs(5), and "gid=5" of devpts).
func (c namespaceChecker) checkMappedOptions(list []specs.Mount) {
	if c.spec.Namespaces.New&unix.CLONE_NEWUSER == 0 {
		return
	}
	all := locationOf("mounts")
	for _, m := range c.spec.Mounts {
		if m.Type != "tmpfs" && m.Type != "devpts" {
			continue
		}
		mount := all.At(m.Index)
		options := mount.Dot("options")
		for i, word := range list[m.Index].Options {
			name, value, _ := strings.Cut(word, "=")
			at, mappings := Path("linux.uidMappings"), c.spec.UIDMappings
			switch name {
			case "uid":
			case "gid":
				at, mappings = "linux.gidMappings", c.spec.GIDMappings
			default:
				continue
			}
			id, err := strconv.ParseUint(value, 10, 32)
			if err == nil && len(mappings) > 0 && c.isDecoded(at) && !mapsID(mappings, uint32(id)) {
				c.refuse(options.At(i), word, "names an id that "+string(at)+
					" does not map: leave the option out, or map the id")
			}
		}
	}
}

// utoa is strconv.Itoa for a uint32.
func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// HostID returns the id in rt's user namespace of an id of the container. mappings are s.UIDMappings or s.GIDMappings.
// Without a user namespace of the container, or without a mapping, it is the same id.
func (s *Spec) HostID(id uint32, mappings []specs.LinuxIDMapping) uint32 {
	if !s.Namespaces.Has(unix.CLONE_NEWUSER) {
		return id
	}
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + id - m.ContainerID
		}
	}
	return id
}

// ContainerID returns the id inside a user namespace of an id outside, and whether the mappings have one.
func ContainerID(id uint32, mappings []specs.LinuxIDMapping) (inside uint32, ok bool) {
	for _, m := range mappings {
		if id >= m.HostID && id-m.HostID < m.Size {
			return m.ContainerID + id - m.HostID, true
		}
	}
	return 0, false
}
