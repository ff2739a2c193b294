package spec

import "strings"

// checkCgroupsPath checks linux.cgroupsPath (config-linux.md, Cgroups Path). The cgroup driver decides what a relative
// path, or "slice:prefix:name", means.
func (c linuxChecker) checkCgroupsPath(p string) {
	c.spec.CgroupsPath = p
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			c.refuse(locationOf("linux.cgroupsPath"), p,
				"must not hold \"..\": it would leave the cgroup that the path starts from")
			return
		}
	}
}
