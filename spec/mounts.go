package spec

import (
	"path"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// mountChecker checks mounts (config.md, Mounts).
type mountChecker struct {
	*configChecker

	relative []relativeID // the ranges of the mount being checked that are marked with an @
}

// check checks all mounts.
func (c *mountChecker) check(list []specs.Mount) {
	if len(list) == 0 {
		return
	}
	all := locationOf("mounts")
	c.spec.Mounts = make([]Mount, len(list))
	for i := range list {
		at, oci, m := all.At(i), &list[i], &c.spec.Mounts[i]
		*m = Mount{
			Index: i, Type: oci.Type, Source: oci.Source, UIDMappings: oci.UIDMappings,
			GIDMappings: oci.GIDMappings,
		}
		c.checkDestination(at.Dot("destination"), oci.Destination, m)
		c.parseOptions(at.Dot("options"), oci.Options, m)
		c.checkSource(at, m)
		c.checkIDMap(at, m)
	}
	if !c.spec.Namespaces.Has(unix.CLONE_NEWNS) && !c.namespacesUnclear {
		// The spec has the container inherit rt's mount namespace (config-linux.md, Namespaces), and engines leave the
		// mounts of their defaults in the config. The other runtimes make none of them either.
		c.warn(all, `are left out: without {"type": "mount"} in linux.namespaces they would be made on the host, and `+
			`stay there`)
		c.spec.Mounts = nil
	}
}

// checkDestination checks the destination of a mount. Relative destinations are deprecated, and relative to the root.
func (c *mountChecker) checkDestination(at location, destination string, m *Mount) {
	if destination == "" {
		c.refuse(at, "", "is required: an absolute path, as the container sees it")
		return
	}
	absolute := destination
	if destination[0] != '/' {
		absolute = "/" + destination
		c.warn(at, "is relative, which is deprecated: taken as "+absolute)
	}
	if m.Destination = path.Clean(absolute); m.Destination == "/" {
		c.refuse(at, destination, "would cover the whole root file system: root.path says what / is")
	}
}

// parseOptions parses mounts[].options.
func (c *mountChecker) parseOptions(at location, words []string, m *Mount) {
	m.Bind = m.Type == "bind"
	var rest []int
	for i, word := range words {
		o := findOption(word)
		if o == nil {
			if !c.parseValueOption(at.At(i), word, m) && c.isForFileSystem(at.At(i), word) {
				rest = append(rest, i)
			}
			continue
		}
		o.apply(m)
		m.Flagged = m.Flagged || o.changesFlags()
		switch o.kind {
		case isBind:
			m.Bind = true
		case isPropagation:
			m.Propagation = append(m.Propagation, propagation(word))
		case isIDMap:
			m.IDMap, m.IDMapRecursive = true, m.IDMapRecursive || o.recursive
		case isTmpCopyUp:
			m.TmpCopyUp = true
		case isCopySymlink:
			m.CopySymlink = true
		case isSourceNoFollow:
			m.SourceNoFollow = true
		case isDestNoFollow:
			m.DestNoFollow = true
		case isFlag:
		}
	}
	m.combineAtime()
	m.Recursive = m.Flags&unix.MS_REC != 0
	m.Remount = m.Flags&unix.MS_REMOUNT != 0
	m.Flagged = m.Flagged && m.Bind && !m.Remount
	m.Flags &^= unix.MS_BIND | unix.MS_REC | unix.MS_REMOUNT
	if m.Bind {
		c.checkBindOptions(at, words, rest, m)
		return
	}
	for _, i := range rest {
		if m.Data != "" {
			m.Data += ","
		}
		m.Data += words[i]
	}
	if m.CopySymlink || m.SourceNoFollow || m.DestNoFollow {
		c.refuse(at, "",
			"copy-symlink, src-nofollow and dest-nofollow are about the links of a bind mount: leave "+
				"them out of a mount of type "+m.Type)
	}
	if m.TmpCopyUp && (m.Type != "tmpfs" || m.Remount) {
		c.refuse(at, "tmpcopyup", "works for a new tmpfs only")
	}
}

// isForFileSystem reports whether a word that rt does not know is passed to the file system: unless it is empty or a
// comment for mount(8). Two words in one string are probably a slip, which the kernel would report as a bad option of
// the file system.
func (c *mountChecker) isForFileSystem(at location, word string) bool {
	if first, _, several := strings.Cut(word, ","); several && findOption(first) != nil {
		c.refuse(at, word, "holds several options: each must be a string of its own")
		return false
	}
	return word != "" && !strings.HasPrefix(word, "x-") && !strings.HasPrefix(word, "X-") &&
		!strings.HasPrefix(word, "comment=")
}

// checkBindOptions checks the options that make no sense for a bind mount, which has no file system of its own.
func (c *mountChecker) checkBindOptions(at location, words []string, rest []int, m *Mount) {
	m.Type = "bind"
	for _, i := range rest {
		if strings.Contains(words[i], "=") || words[i] == "acl" || words[i] == "noacl" {
			// One for a file system: mount(2) ignores it for a bind mount, and runtime-tools' suite counts on that. A
			// word without a value may be a flag with a slip in it, and leaving that out would take protection away.
			c.warn(at.At(i), words[i]+" has no effect: a bind mount has no file system of its own that could know it")
			continue
		}
		problem := "is no option of a bind mount, and a bind mount has no file system that could know it"
		if near := Nearest(words[i], MountOptions()); near != "" {
			problem += ": did you mean " + near + "?"
		}
		c.refuse(at.At(i), words[i], problem)
	}
	if m.TmpCopyUp {
		c.refuse(at, "tmpcopyup", "works for a new tmpfs only")
	}
	if m.SuperFlags&^unix.MS_SILENT == 0 {
		return
	}
	for i, word := range words {
		if o := findOption(word); o != nil && o.super && m.SuperFlags&o.flag&^unix.MS_SILENT != 0 {
			c.warn(at.At(i), word+" has no effect: it belongs to the file system, which a bind mount shares")
		}
	}
}

// checkSource checks type and source. The file system decides what its source may be.
func (c *mountChecker) checkSource(at location, m *Mount) {
	switch {
	case m.Remount:
	case m.Destination == "/proc" && !m.Bind && m.Type != "proc" && m.Type != "":
		c.refuse(at.Dot("type"), m.Type,
			"can't be at /proc, where programs look for processes and believe what they read: proc belongs there, or "+
				"a bind mount of one")
	case !m.Bind && m.Type == "":
		c.refuse(at.Dot("type"), "",
			"is required: a file system that the kernel knows; for a bind mount, bind or rbind in options")
	case m.Bind && m.Source == "":
		c.refuse(at.Dot("source"), "",
			"is required for a bind mount: what to mount, absolute or relative to the bundle")
	case m.Bind && m.Source[0] != '/':
		m.Source = filepath.Join(c.spec.Bundle, m.Source)
	}
}

// checkIDMap checks the id mappings of a mount (config.md, idmap, and POSIX-platform Mounts). A mount without mappings
// of its own gets the container's.
func (c *mountChecker) checkIDMap(at location, m *Mount) {
	switch {
	case len(m.UIDMappings) > 0 && len(m.GIDMappings) > 0:
		m.IDMap = true
		c.resolveRelativeIDs(at.Dot("options"), m)
		c.checkMappings(at.Dot("uidMappings"), m.UIDMappings)
		c.checkMappings(at.Dot("gidMappings"), m.GIDMappings)
	case len(m.UIDMappings) > 0:
		c.refuse(at.Dot("gidMappings"), "", "is required together with uidMappings")
	case len(m.GIDMappings) > 0:
		c.refuse(at.Dot("uidMappings"), "", "is required together with gidMappings")
	case m.IDMap:
		if c.spec.Namespaces.Joined(unix.CLONE_NEWUSER) != nil {
			return // the mappings are those of the namespace itself
		}
		if c.spec.Namespaces.Has(unix.CLONE_NEWUSER) || c.namespacesUnclear {
			m.UIDMappings, m.GIDMappings = c.spec.UIDMappings, c.spec.GIDMappings
			return
		}
		c.refuse(at.Dot("options"), "",
			"asks for an id mapping: it needs uidMappings and gidMappings here, or a user namespace of the container")
	}
	if m.IDMap && m.Remount {
		c.refuse(at.Dot("options"), "remount", "can't change the id mapping of a mount")
	}
}

// FinalAttrs returns the MOUNT_ATTR_* flags that mounts[i] sets, as later remounts of its destination leave them.
func (s *Spec) FinalAttrs(i int) uint64 {
	m := &s.Mounts[i]
	attrs := m.AttrSet | m.RecSet
	for j := range s.Mounts[i+1:] {
		if r := &s.Mounts[i+1+j]; r.Remount && r.Destination == m.Destination {
			attrs = attrs&^r.AttrClear | r.AttrSet | r.RecSet
		}
	}
	return attrs
}
