package sys

import "strings"

// Latest are numbered paths, such as the destinations of mounts in their order, that are searched for the latest one at
// or above a path. The search takes as many look-ups as the path has names, however many paths there are.
//
// Paths are clean (path.Clean), all absolute or all relative, and compared as text: no link is followed.
type Latest map[string]int

// Add adds a path. Its number is greater than those of earlier calls.
func (l Latest) Add(path string, number int) { l[path] = number }

// Above returns the greatest number of the paths that are path or a directory above it, and whether it is the number of
// path itself; -1 if there is none.
func (l Latest) Above(path string) (number int, itself bool) {
	number = -1
	if n, ok := l[path]; ok {
		number, itself = n, true
	}
	for dir := path; dir != "" && dir != "/"; {
		i := strings.LastIndexByte(dir, '/')
		switch {
		case i < 0:
			return number, itself
		case i == 0:
			dir = "/"
		default:
			dir = dir[:i]
		}
		if n, ok := l[dir]; ok && n > number {
			number, itself = n, false
		}
	}
	return number, itself
}
