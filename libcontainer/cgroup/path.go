package cgroup

import (
	"path"
	"strings"

	"rt/internal/diag"
)

// finder finds the container's directory in each hierarchy. It changes nothing.
type finder struct{ *cgroupSet }

// fieldPath is the field of every error about the path of a cgroup.
const fieldPath = "linux.cgroupsPath"

// innerPath returns the path of the container's cgroup inside each hierarchy: absolute if it starts at the hierarchy's
// root, relative if it starts at the cgroup of rt. A config without a path gives the container's id, relative. See
// config-linux.md#cgroups-path, which leaves the meaning of relative paths to the runtime; this is runc's.
//
// ".." is refused rather than resolved: it would leave the directory that the engine has chosen.
func innerPath(cgroupsPath, id string) (string, error) {
	p := cgroupsPath
	if p == "" {
		p = id
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return "", pathError(p, `must not contain ".."`)
		}
	}
	p = path.Clean(p)
	if p == "/" || p == "." {
		return "", pathError(cgroupsPath, "names the root of the hierarchy, which can't be a container's own cgroup; "+
			"give it a name, such as /rt/web1")
	}
	return p, nil
}

// pathError returns the error of an invalid linux.cgroupsPath.
func pathError(value, problem string) error {
	return &diag.Error{Kind: diag.Document, Field: fieldPath, Value: value, Problem: problem}
}

// ownPath returns rt's own cgroup from the text of /proc/self/cgroup, in the hierarchy whose controller list is list
// ("" for v2, "cpu,cpuacct", "name=systemd"). See cgroups(7), /proc/pid/cgroup.
func ownPath(text, list string) (string, bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		_, rest, _ := strings.Cut(line, ":")
		names, p, ok := strings.Cut(rest, ":")
		if ok && names == list {
			// Nothing can be made below a cgroup that was removed while rt is in it, or below one outside the cgroup
			// namespace's root ("/../x").
			if strings.HasSuffix(p, " (deleted)") || strings.HasPrefix(p, "/..") {
				return "", false
			}
			return p, true
		}
	}
	return "", false
}
