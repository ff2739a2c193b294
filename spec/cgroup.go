package spec

import "strings"

// cgroupsPath checks linux.cgroupsPath (config-linux.md, Cgroups Path). The cgroup driver decides what a relative path,
// or "slice:prefix:name", means.
func (c *checker) cgroupsPath(p string, s *Spec) {
	s.CgroupsPath = p
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			c.bad(locationOf("linux.cgroupsPath"), p,
				"must not hold \"..\": it would leave the cgroup that the path starts from")
			return
		}
	}
}
