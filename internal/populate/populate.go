// Package populate has the kernel map pages of the heap that every command of rt touches, many in one call.
//
// A page fault costs an exception, and then the kernel allocates and clears the page. The exception takes a third of a
// microsecond on hardware but 15 under some hypervisors, where it was two fifths of the time of a command
// (docs/decisions/0060). The executable itself is mapped by its entry (entry.go).
//
// The package imports nothing but unsafe: so Go initialises it before package sync, on which most others depend, and
// the memory that their initialisation allocates is mapped by then.
package populate

import "unsafe"

// Pages of the heap, counted from the next free one, of which more than four of five are touched afterwards: by the
// initialisation of packages in every command, and by the compilation of a container's plan. The pages between them are
// touched by some commands or by chance: they are mapped when they are touched.
var (
	initialisation = pages{2, 34}
	compilation    = pages{22, 93}
)

// pages are those from the first to the last, which is not one of them.
type pages struct{ first, last uintptr }

const (
	pageSize = 4096
	// populateWrite is MADV_POPULATE_WRITE of madvise(2), since Linux 5.14: an older kernel does nothing.
	populateWrite = 23
)

// next keeps an object of two pages on the heap: Go allocates it at the next free page.
var next *[2 * pageSize]byte

func init() { initialisation.populate(nextPage()) }

// Compilation maps what the compilation of a container's plan allocates. The caller is a command that has just begun.
func Compilation() { compilation.populate(nextPage()) }

// nextPage returns the address of the next free page of the heap.
func nextPage() uintptr {
	next = new([2 * pageSize]byte)
	return uintptr(unsafe.Pointer(next))
}

// populate maps the pages, counted from an address. Those that are mapped stay as they are. An error, such as that of
// an old kernel, does not matter: a page that is not mapped is mapped when it is touched.
func (p pages) populate(start uintptr) {
	madvise(start+p.first*pageSize, (p.last-p.first)*pageSize, populateWrite)
}

// madvise is madvise(2) without its result. Package syscall is initialised later than this package.
func madvise(start, length, advice uintptr)
