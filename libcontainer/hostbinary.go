package libcontainer

import (
	"encoding/binary"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/nsenter"
)

// sealedCopy copies a program of the host's to where no process of the container can find it by a name, and nobody can
// change it (memfd_create(2), F_SEAL_WRITE), and returns a descriptor of the copy. Through /proc/PID/exe of the process
// that it becomes the container can read it, and no more.
func sealedCopy(path, dir string) (int, error) {
	fail := func(problem string) (int, error) {
		return -1, &diag.Error{Kind: diag.Usage, Field: "--host-binary", Value: path, Problem: problem}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return -1, &diag.Error{Kind: diag.Usage, Field: "--host-binary", Problem: "can't be read", Err: err}
	}
	if problem := notStatic(file); problem != "" {
		return fail(problem)
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return fail("is not executable: " + diag.ErrnoText(unix.EACCES))
	}
	return nsenter.Seal(file, dir)
}

// notStatic says why the kernel could not execute a file in a container that has none of the host's other files; "" if
// it could. elf(5).
func notStatic(file []byte) string {
	const (
		headerSize, programSize    = 64, 56
		machineAMD64, machineARM64 = 62, 183
		ptInterp                   = 3
	)
	le := binary.NativeEndian
	switch {
	case len(file) >= 2 && string(file[:2]) == "#!":
		return "is a script, whose interpreter would have to be in the container: give a static program"
	case len(file) < headerSize || string(file[:4]) != "\x7fELF":
		return "is no ELF program: give a static program"
	case file[4] != 2 || file[5] != 1:
		return "is not a 64-bit program for this kind of machine"
	}
	machine := uint16(machineAMD64)
	if runtime.GOARCH == "arm64" {
		machine = machineARM64
	}
	if le.Uint16(file[18:]) != machine {
		return "is a program for another kind of machine than " + runtime.GOARCH
	}
	offset, size, count := le.Uint64(file[32:]), int(le.Uint16(file[54:])), int(le.Uint16(file[56:]))
	if size != programSize || offset > uint64(len(file)) || uint64(count*size) > uint64(len(file))-offset {
		return "is a damaged ELF program"
	}
	for i := range count {
		if le.Uint32(file[int(offset)+i*size:]) == ptInterp {
			return "is dynamically linked, and the container does not have its loader and libraries: give a static program (busybox-static, or CGO_ENABLED=0 with Go)"
		}
	}
	return ""
}
