package spec

import (
	"strconv"
	"strings"
)

// Versions of the runtime specification that rt knows. Minor versions are compatible in both directions (config.md,
// Specification version): an older config is valid for a newer version, and what a newer config adds are properties,
// which a runtime that does not know them ignores (config.md, Extensibility).
const (
	OldestVersion = "1.0.0"
	NewestVersion = "1.3.0"
	newestMinor   = 3
)

// checkVersion checks ociVersion: a SemVer 2.0.0 version with the major number 1. One that is newer than rt is worth a
// warning and no more: an engine that is updated before rt writes it into every config. Pre-releases and development
// versions count as their release; runc before 1.2 writes "1.0.2-dev".
func (c *configChecker) checkVersion(v string) {
	const want = "must be a version 1.x.y of the runtime specification"
	core := v
	if i := strings.IndexAny(v, "-+"); i >= 0 {
		core = v[:i]
		if !isSemverTail(v[i:]) {
			c.refuse(locationOf("ociVersion"), v, want+": what follows the three numbers is not SemVer")
			return
		}
	}
	part := strings.Split(core, ".")
	if v == "" {
		c.refuse(locationOf("ociVersion"), "", "is required, and "+want)
		return
	}
	if len(part) == 2 && core == v {
		c.warn(locationOf("ociVersion"), v+" is no SemVer version: taken as "+v+".0")
		part = append(part, "0")
	}
	if len(part) != 3 || !isSemverNumber(part[0]) || !isSemverNumber(part[1]) || !isSemverNumber(part[2]) {
		c.refuse(locationOf("ociVersion"), v, want+": three numbers separated by dots")
		return
	}
	minor, err := strconv.Atoi(part[1])
	switch {
	case part[0] != "1":
		c.refuse(locationOf("ociVersion"), v, want)
	case err != nil || minor > newestMinor:
		c.warn(locationOf("ociVersion"),
			v+" is newer than "+NewestVersion+", which this rt knows: properties added since are ignored")
	}
}

// isOlder reports whether the version v, if it is one, is older than 1.minor.
func isOlder(v string, minor int) bool {
	_, rest, _ := strings.Cut(v, ".")
	digits, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(digits)
	return err == nil && n < minor
}

// isSemverNumber reports whether s is a number without leading zeros.
func isSemverNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s == "0" || s != "" && s[0] != '0'
}

// isSemverTail reports whether s is "-pre.release", "+build.data", or both.
func isSemverTail(s string) bool {
	pre, build, _ := strings.Cut(s, "+")
	if strings.HasPrefix(s, "-") && !areIdentifiers(pre[1:]) {
		return false
	}
	return !strings.Contains(s, "+") || areIdentifiers(build)
}

// areIdentifiers reports whether s is a list of SemVer areIdentifiers with dots between them.
func areIdentifiers(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			if c := part[i]; c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}
