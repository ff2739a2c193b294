package spec

import "unsafe"

// text returns raw as a string without copying it: the strings of a Spec are slices of its document, and a copy would
// be three pages that a process of a few milliseconds has to be given first. Whoever hands raw over must not change it
// any more; Load and Parse say so.
func text(raw []byte) string { return unsafe.String(unsafe.SliceData(raw), len(raw)) }
