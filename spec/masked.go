package spec

import (
	"path"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// checkCoveredPaths checks linux.maskedPaths and linux.readonlyPaths, which mounts cover (config-linux.md, Masked Paths
// and Readonly Paths).
func (c linuxChecker) checkCoveredPaths(linux *specs.Linux) {
	for _, l := range []struct {
		at   location
		list []string
		to   *[]string
	}{
		{locationOf("linux.maskedPaths"), linux.MaskedPaths, &c.spec.MaskedPaths},
		{locationOf("linux.readonlyPaths"), linux.ReadonlyPaths, &c.spec.ReadonlyPaths},
	} {
		if len(l.list) == 0 {
			continue
		}
		c.requireNamespace(l.at, unix.CLONE_NEWNS, "the host's files would be covered")
		*l.to = make([]string, 0, len(l.list))
		for i, p := range l.list {
			if p == "" {
				c.warn(l.at.At(i), "is empty and has no effect")
				continue
			}
			absolute := path.Clean("/" + p)
			if p[0] != '/' {
				// Other runtimes notice nothing: they look the path up in the root directory.
				c.warn(l.at.At(i), "is relative: taken as "+absolute)
			}
			if absolute == "/" && l.to == &c.spec.MaskedPaths {
				c.refuse(l.at.At(i), p, "would mask the whole root file system: it must name something below /")
			}
			*l.to = append(*l.to, absolute)
		}
	}
}

// checkContainerPath checks a path that the container will resolve, and cleans it.
func (c *checker) checkContainerPath(at location, p string) (string, bool) {
	if p == "" || p[0] != '/' {
		c.refuse(at, p, "must be an absolute path, as the container sees it")
		return "", false
	}
	return path.Clean(p), true
}
