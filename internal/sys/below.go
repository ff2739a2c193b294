// Package sys has operations on files and processes that several packages of rt need in the same way.
package sys

import "strings"

// Below reports whether path is dir or lies below it, and returns what follows dir: "" for dir itself, otherwise a name
// without a leading slash. Both are absolute and clean (path.Clean), and compared as text: no link is followed.
func Below(path, dir string) (rest string, ok bool) {
	if dir == "/" {
		return strings.CutPrefix(path, "/")
	}
	// This is asked for each masked path and each mount, and one byte is nearly always answer enough.
	n := len(dir)
	if len(path) < n || len(path) > n && path[n] != '/' || n > 0 && path[n-1] != dir[n-1] {
		return "", false
	}
	rest, ok = strings.CutPrefix(path, dir)
	if !ok || rest == "" {
		return "", ok
	}
	return strings.CutPrefix(rest, "/")
}

// IsBelow reports whether path is dir or lies below it: see Below.
func IsBelow(path, dir string) bool {
	_, ok := Below(path, dir)
	return ok
}
