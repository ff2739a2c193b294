package spec

import (
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// checkRoot checks root (config.md, Root). Whether the directory exists is checked on the host later.
func (c *configChecker) checkRoot(root *specs.Root) {
	if root == nil {
		c.refuse(locationOf("root"), "",
			`is required: an object with "path", the directory of the container's root file system`)
		return
	}
	if root.Path == "" {
		c.refuse(locationOf("root.path"), "",
			"is required: the directory of the container's root file system, absolute or relative to the bundle")
		return
	}
	c.spec.RootReadonly = root.Readonly
	c.spec.Rootfs = filepath.Clean(root.Path)
	if !filepath.IsAbs(c.spec.Rootfs) {
		c.spec.Rootfs = filepath.Join(c.spec.Bundle, root.Path)
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

// checkRootPropagation checks linux.rootfsPropagation. The recursive words are not in the specification, but engines
// write them.
func (c linuxChecker) checkRootPropagation(word string) {
	at := locationOf("linux.rootfsPropagation")
	if word == "" {
		return
	}
	if c.spec.RootPropagation = propagation(word); c.spec.RootPropagation == 0 {
		c.refuse(at, word, "must be shared, slave, private or unbindable, or one of these with an r before it")
		return
	}
	c.requireNamespace(at, unix.CLONE_NEWNS, "the propagation of the host's mounts would change")
}
