package spec

import (
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// root checks root (config.md, Root). Whether the directory exists is checked on the host later.
func (c *checker) root(root *specs.Root, s *Spec) {
	if root == nil {
		c.bad(locationOf("root"), "",
			`is required: an object with "path", the directory of the container's root file system`)
		return
	}
	if root.Path == "" {
		c.bad(locationOf("root.path"), "",
			"is required: the directory of the container's root file system, absolute or relative to the bundle")
		return
	}
	s.RootReadonly = root.Readonly
	s.Rootfs = filepath.Clean(root.Path)
	if !filepath.IsAbs(s.Rootfs) {
		s.Rootfs = filepath.Join(s.Bundle, root.Path)
	}
}

// propagations are the words of linux.rootfsPropagation and of the mount options (mount_namespaces(7)).
var propagations = []struct {
	word string
	flag uintptr
}{
	{"private", unix.MS_PRIVATE},
	{"rprivate", unix.MS_PRIVATE | unix.MS_REC},
	{"rshared", unix.MS_SHARED | unix.MS_REC},
	{"rslave", unix.MS_SLAVE | unix.MS_REC},
	{"runbindable", unix.MS_UNBINDABLE | unix.MS_REC},
	{"shared", unix.MS_SHARED},
	{"slave", unix.MS_SLAVE},
	{"unbindable", unix.MS_UNBINDABLE},
}

// propagation returns the flags of a propagation word, or 0.
func propagation(word string) uintptr {
	for _, p := range propagations {
		if p.word == word {
			return p.flag
		}
	}
	return 0
}

// rootPropagation checks linux.rootfsPropagation. The recursive words are not in the specification, but engines write
// them.
func (c *checker) rootPropagation(word string, s *Spec) {
	at := locationOf("linux.rootfsPropagation")
	if word == "" {
		return
	}
	if s.RootPropagation = propagation(word); s.RootPropagation == 0 {
		c.bad(at, word, "must be shared, slave, private or unbindable, or one of these with an r before it")
		return
	}
	c.requireNamespace(at, unix.CLONE_NEWNS, s, "the propagation of the host's mounts would change")
}
