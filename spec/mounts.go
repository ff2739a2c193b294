package spec

import (
	"path"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// mounts checks mounts (config.md, Mounts).
func (c *checker) mounts(list []specs.Mount, s *Spec) {
	if len(list) == 0 {
		return
	}
	all := locationOf("mounts")
	s.Mounts = make([]Mount, len(list))
	for i := range list {
		at, oci, m := all.At(i), &list[i], &s.Mounts[i]
		*m = Mount{
			Index: i, Type: oci.Type, Source: oci.Source, UIDMappings: oci.UIDMappings,
			GIDMappings: oci.GIDMappings,
		}
		c.destination(at.Dot("destination"), oci.Destination, m)
		c.options(at.Dot("options"), oci.Options, m)
		c.source(at, s.Bundle, m)
		c.idMap(at, m, s)
	}
	if !s.Namespaces.Has(unix.CLONE_NEWNS) && !c.unsure {
		// The spec has the container inherit rt's mount namespace (config-linux.md, Namespaces), and engines leave the
		// mounts of their defaults in the config. The other runtimes make none of them either.
		c.warn(all, `are left out: without {"type": "mount"} in linux.namespaces they would be made on the host, and `+
			`stay there`)
		s.Mounts = nil
	}
}

// destination checks the destination of a mount. Relative destinations are deprecated, and relative to the root.
func (c *checker) destination(at location, destination string, m *Mount) {
	if destination == "" {
		c.bad(at, "", "is required: an absolute path, as the container sees it")
		return
	}
	absolute := destination
	if destination[0] != '/' {
		absolute = "/" + destination
		c.warn(at, "is relative, which is deprecated: taken as "+absolute)
	}
	if m.Destination = path.Clean(absolute); m.Destination == "/" {
		c.bad(at, destination, "would cover the whole root file system: root.path says what / is")
	}
}

// options parses mounts[].options.
func (c *checker) options(at location, words []string, m *Mount) {
	m.Bind = m.Type == "bind"
	var rest []int
	for i, word := range words {
		o := findOption(word)
		if o == nil {
			if !c.withValue(at.At(i), word, m) && c.forFileSystem(at.At(i), word) {
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
	m.atime()
	m.Recursive = m.Flags&unix.MS_REC != 0
	m.Remount = m.Flags&unix.MS_REMOUNT != 0
	m.Flagged = m.Flagged && m.Bind && !m.Remount
	m.Flags &^= unix.MS_BIND | unix.MS_REC | unix.MS_REMOUNT
	if m.Bind {
		c.bindOptions(at, words, rest, m)
		return
	}
	for _, i := range rest {
		if m.Data != "" {
			m.Data += ","
		}
		m.Data += words[i]
	}
	if m.CopySymlink || m.SourceNoFollow || m.DestNoFollow {
		c.bad(at, "", "copy-symlink, src-nofollow and dest-nofollow are about the links of a bind mount: leave them "+
			"out of a mount of type "+m.Type)
	}
	if m.TmpCopyUp && (m.Type != "tmpfs" || m.Remount) {
		c.bad(at, "tmpcopyup", "works for a new tmpfs only")
	}
}

// forFileSystem decides about a word that rt does not know: it is passed to the file system, unless it is empty or a
// comment for mount(8). Two words in one string are probably a slip, which the kernel would report as a bad option of
// the file system.
func (c *checker) forFileSystem(at location, word string) bool {
	if first, _, several := strings.Cut(word, ","); several && findOption(first) != nil {
		c.bad(at, word, "holds several options: each must be a string of its own")
		return false
	}
	return word != "" && !strings.HasPrefix(word, "x-") && !strings.HasPrefix(word, "X-") &&
		!strings.HasPrefix(word, "comment=")
}

// bindOptions checks the options that make no sense for a bind mount, which has no file system of its own.
func (c *checker) bindOptions(at location, words []string, rest []int, m *Mount) {
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
		c.bad(at.At(i), words[i], problem)
	}
	if m.TmpCopyUp {
		c.bad(at, "tmpcopyup", "works for a new tmpfs only")
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

// source checks type and source. The file system decides what its source may be.
func (c *checker) source(at location, bundle string, m *Mount) {
	switch {
	case m.Remount:
	case m.Destination == "/proc" && !m.Bind && m.Type != "proc" && m.Type != "":
		c.bad(at.Dot("type"), m.Type,
			"can't be at /proc, where programs look for processes and believe what they read: proc belongs there, or "+
				"a bind mount of one")
	case !m.Bind && m.Type == "":
		c.bad(at.Dot("type"), "",
			"is required: a file system that the kernel knows; for a bind mount, bind or rbind in options")
	case m.Bind && m.Source == "":
		c.bad(at.Dot("source"), "", "is required for a bind mount: what to mount, absolute or relative to the bundle")
	case m.Bind && m.Source[0] != '/':
		m.Source = filepath.Join(bundle, m.Source)
	}
}

// idMap checks the id mapping of a mount (config.md, idmap, and POSIX-platform Mounts). A mount without a mapping of
// its own gets the container's.
func (c *checker) idMap(at location, m *Mount, s *Spec) {
	switch {
	case len(m.UIDMappings) > 0 && len(m.GIDMappings) > 0:
		m.IDMap = true
		c.absoluteIDs(at.Dot("options"), m, s)
		c.mappings(at.Dot("uidMappings"), m.UIDMappings)
		c.mappings(at.Dot("gidMappings"), m.GIDMappings)
	case len(m.UIDMappings) > 0:
		c.bad(at.Dot("gidMappings"), "", "is required together with uidMappings")
	case len(m.GIDMappings) > 0:
		c.bad(at.Dot("uidMappings"), "", "is required together with gidMappings")
	case m.IDMap:
		if s.Namespaces.Has(unix.CLONE_NEWUSER) || c.unsure {
			m.UIDMappings, m.GIDMappings = s.UIDMappings, s.GIDMappings
			return
		}
		c.bad(at.Dot("options"), "",
			"asks for an id mapping: it needs uidMappings and gidMappings here, or a user namespace of the container")
	}
	if m.IDMap && m.Remount {
		c.bad(at.Dot("options"), "remount", "can't change the id mapping of a mount")
	}
}
