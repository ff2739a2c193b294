package populate

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestCompilation: the pages are mapped, where the kernel knows the advice.
func TestCompilation(t *testing.T) {
	page, err := unix.Mmap(-1, 0, pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(page)
	if unix.Madvise(page, populateWrite) == unix.EINVAL {
		t.Skip("populating pages takes Linux 5.14")
	}
	Compilation()
	for _, p := range []pages{initialisation, compilation} {
		resident := make([]byte, p.last-p.first)
		start := uintptr(unsafe.Pointer(heap))&^(pageSize-1) + p.first*pageSize
		length := uintptr(len(resident)) * pageSize
		_, _, errno := unix.Syscall(unix.SYS_MINCORE, start, length, uintptr(unsafe.Pointer(&resident[0])))
		if errno != 0 {
			t.Fatal(errno)
		}
		for i, in := range resident {
			if in&1 == 0 {
				t.Errorf("page %d of the heap is not mapped", int(p.first)+i)
			}
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
