package populate

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestPopulate uses other memory than the heap: that begins at a random address in the first part that the Go runtime
// maps, which may end before the pages that are populated. Then the kernel refuses, and they are mapped when they are
// touched.
func TestPopulate(t *testing.T) {
	const all = 256
	memory, err := unix.Mmap(-1, 0, all*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(memory)
	if unix.Madvise(memory[:pageSize], populateWrite) == unix.EINVAL {
		t.Skip("populating pages takes Linux 5.14")
	}
	if err := unix.Madvise(memory, unix.MADV_NOHUGEPAGE); err != nil {
		t.Fatal(err)
	}
	start := uintptr(unsafe.Pointer(&memory[0]))
	initialisation.populate(start)
	compilation.populate(start)
	resident := make([]byte, all)
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, start, all*pageSize,
		uintptr(unsafe.Pointer(&resident[0])))
	if errno != 0 {
		t.Fatal(errno)
	}
	for i, in := range resident[1:] {
		page := uintptr(i + 1)
		populated := initialisation.first <= page && page < initialisation.last ||
			compilation.first <= page && page < compilation.last
		if got := in&1 != 0; got != populated {
			t.Errorf("page %d is mapped: %v", page, got)
		}
	}
}

// TestOldKernel: a kernel that does not know the advice changes nothing.
func TestOldKernel(t *testing.T) {
	p := new([16]byte)
	p[0] = 1
	madvise(uintptr(unsafe.Pointer(p))&^(pageSize-1), pageSize, 1<<20)
	if p[0] != 1 {
		t.Error("the page is another one")
	}
}

// TestNextPage: the next objects on the heap follow.
func TestNextPage(t *testing.T) {
	if start := nextPage(); start%pageSize != 0 {
		t.Errorf("%#x is no page", start)
	}
}
