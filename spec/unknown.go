package spec

import (
	"strings"

	"rt/internal/jsonscan"
)

// schemaPath is the property by which editors find the JSON schema of a document: see `rt spec --schema`. The
// specification does not define it, but it is no mistake.
const schemaPath = `["$schema"]`

// recordUnknown records the properties that no field is for, each with the name that was probably meant.
func (d *decoder) recordUnknown(doc string, names []jsonscan.Unknown) {
	for _, u := range names[:min(len(names), maxProblems)] {
		line, column := jsonscan.LineColumn(doc, u.Offset)
		one := Unknown{Path: jsonscan.PathAt(doc, u.Offset), Line: line, Column: column}
		if one.Path == schemaPath {
			continue
		}
		if one.Nearest = u.Known; u.Known != "" {
			one.Used = true
		} else {
			one.Nearest = Nearest(u.Name, u.Names)
		}
		d.unknown = append(d.unknown, one)
	}
}

// Nearest returns the one of known that is most similar to name, or "". A name is similar if at most a third of its
// letters differ, not counting a prefix that all of them share ("RLIMIT_"), or if it is the beginning of a known name:
// "net" for "network".
func Nearest(name string, known []string) string {
	own := len(name) - len(sharedPrefix(name, known))
	best, bestDistance := "", own/3+1
	for _, k := range known {
		if d := distance(name, k); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	for _, k := range known {
		if best == "" && own >= 3 && strings.HasPrefix(k, name) {
			best = k
		}
	}
	return best
}

// sharedPrefix returns the longest prefix that name and all of known share.
func sharedPrefix(name string, known []string) string {
	for _, k := range known {
		for !strings.HasPrefix(k, name) {
			name = name[:len(name)-1]
		}
	}
	return name
}

// distance returns the least number of letters to insert, delete, replace or swap with a neighbour to turn a into b
// (the restricted Damerau-Levenshtein distance). It ignores case.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+letterDistance(a[i-1], b[j-1]))
			if i > 1 && j > 1 && letterDistance(a[i-1], b[j-2]) == 0 && letterDistance(a[i-2], b[j-1]) == 0 {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// letterDistance returns 0 for the same letter, whatever its case, and 1 for others.
func letterDistance(a, b byte) int {
	if a == b || a^b == 0x20 && 'a' <= a|0x20 && a|0x20 <= 'z' {
		return 0
	}
	return 1
}
