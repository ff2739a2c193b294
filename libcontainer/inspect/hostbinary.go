package inspect

import (
	"encoding/binary"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/elf"
)

// HostBinary reads the program of --host-binary, which must be executable and static.
func HostBinary(path string) ([]byte, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--host-binary", Problem: "can't be read", Err: err}
	}
	problem := notStatic(file)
	if problem == "" && unix.Access(path, unix.X_OK) != nil {
		problem = "is not executable: " + diag.ErrnoText(unix.EACCES)
	}
	if problem != "" {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--host-binary", Value: path, Problem: problem}
	}
	return file, nil
}

// notStatic says why a file can't be executed in a container that has no other file of the host; "" if it can: elf(5).
func notStatic(file []byte) string {
	const class, data = 4, 5 // in e_ident
	native := binary.NativeEndian
	switch {
	case len(file) >= 2 && string(file[:2]) == "#!":
		return "is a script, whose interpreter would have to be in the container: give a static program"
	case len(file) < elf.HeaderSize || string(file[:class]) != elf.Magic:
		return "is no ELF program: give a static program"
	case file[class] != elf.Class64 || file[data] != elf.LittleEndian:
		return "is not a 64-bit program for this kind of machine"
	case native.Uint16(file[18:]) != elf.Machine():
		return "is a program for another kind of machine than " + runtime.GOARCH
	}
	offset, size, count := native.Uint64(file[32:]), int(native.Uint16(file[54:])), int(native.Uint16(file[56:]))
	if size != elf.ProgramSize || offset > uint64(len(file)) || uint64(count*size) > uint64(len(file))-offset {
		return "is a damaged ELF program"
	}
	for i := range count {
		if native.Uint32(file[int(offset)+i*size:]) == elf.SegmentInterp {
			return "is dynamically linked, and the container does not have its loader and libraries: " +
				"give a static program (busybox-static, or CGO_ENABLED=0 with Go)"
		}
	}
	return ""
}
