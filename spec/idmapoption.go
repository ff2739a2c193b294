package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// parseValueOption parses a word of the form key=value whose key is an option of rt's own, and reports whether it is
// one. Such a word must neither be passed to the file system nor be ignored in a bind mount.
func (c *mountChecker) parseValueOption(at location, word string, m *Mount) bool {
	key, value, ok := strings.Cut(word, "=")
	if !ok {
		return false
	}
	o := findOption(key)
	switch {
	case o == nil:
		return false
	case o.kind == isIDMap:
		m.IDMap, m.IDMapRecursive = true, m.IDMapRecursive || o.recursive
		c.parseIDMapOption(at, value, m)
		return true
	case o.kind == isFlag && (isForUsers(key) || o.set|o.clear == 0):
		return false // user=NAME and the like mean something to some file systems
	}
	c.refuse(at, word, "takes no value: write "+key+" alone")
	return true
}

// isForUsers reports whether a word tells mount(8) who may mount, or a file system which user to use.
func isForUsers(word string) bool {
	switch word {
	case "user", "users", "group", "owner":
		return true
	}
	return false
}

// parseIDMapOption reads the value of idmap= or ridmap=, the form of crun and Podman: uids=C-H-N#C-H-N;gids=C-H-N. Each
// range maps N ids of the file system, from C on, to ids of the host from H on; an @ in front says that H is an id of
// the container.
func (c *mountChecker) parseIDMapOption(at location, value string, m *Mount) {
	if len(m.UIDMappings)+len(m.GIDMappings) > 0 {
		c.refuse(at, "", "maps ids that uidMappings and gidMappings of the mount, or another option, map already: say "+
			"it once")
		return
	}
	for part := range strings.SplitSeq(value, ";") {
		kind, ranges, _ := strings.Cut(part, "=")
		var list *[]specs.LinuxIDMapping
		switch kind {
		case "uids":
			list = &m.UIDMappings
		case "gids":
			list = &m.GIDMappings
		}
		if list == nil || len(*list) > 0 {
			c.refuse(at, part,
				"is no part of an id mapping: write uids=C-H-N;gids=C-H-N, with # between several ranges")
			return
		}
		for text := range strings.SplitSeq(ranges, "#") {
			r, relative, ok := idRange(text)
			if !ok {
				c.refuse(at, text, "is no range of ids: write the first id in the file system, the first id of "+
					"the host, and how many, as 0-100000-65536")
				return
			}
			if relative {
				c.relative = append(c.relative, relativeID{list, len(*list)})
			}
			*list = append(*list, r)
		}
	}
	if len(m.UIDMappings) == 0 || len(m.GIDMappings) == 0 {
		c.refuse(at, value, "maps users or groups only: it needs both, uids= and gids=")
	}
}

// idRange parses one range, and reports whether it is one and whether an @ is in front.
func idRange(text string) (r specs.LinuxIDMapping, relative, ok bool) {
	text, relative = strings.CutPrefix(text, "@")
	parts := strings.Split(text, "-")
	if len(parts) != 3 {
		return r, relative, false
	}
	for i, number := range [...]*uint32{&r.ContainerID, &r.HostID, &r.Size} {
		n, err := strconv.ParseUint(parts[i], 10, 32)
		if err != nil {
			return r, relative, false
		}
		*number = uint32(n)
	}
	return r, relative, true
}

// relativeID is a range whose second id is one of the container.
type relativeID struct {
	list  *[]specs.LinuxIDMapping
	index int
}

// resolveRelativeIDs turns the ids of the container in ranges with an @ into ids of the host: the user namespace of the
// container maps them.
func (c *mountChecker) resolveRelativeIDs(at location, m *Mount) {
	for _, rel := range c.relative {
		r, of := &(*rel.list)[rel.index], c.spec.UIDMappings
		if rel.list == &m.GIDMappings {
			of = c.spec.GIDMappings
		}
		found := false
		for _, outer := range of {
			if first := r.HostID - outer.ContainerID; r.HostID >= outer.ContainerID &&
				uint64(first)+uint64(r.Size) <= uint64(outer.Size) {
				r.HostID, found = outer.HostID+first, true
				break
			}
		}
		if !found && !c.namespacesUnclear {
			c.refuse(at, "",
				"ids of the container (@) must lie in one range of linux.uidMappings and linux.gidMappings: "+
					utoa(r.HostID)+" and the "+utoa(r.Size)+" from there don't")
		}
	}
	c.relative = nil
}
