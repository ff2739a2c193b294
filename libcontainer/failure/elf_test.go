package failure

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"testing"
)

// FuzzELF reads the beginning of programs of an image. What package debug/elf makes of it, rt makes of it too.
func FuzzELF(f *testing.F) {
	for _, file := range []string{"/proc/self/exe", "/bin/sh", "/bin/busybox"} {
		if text, err := os.ReadFile(file); err == nil {
			f.Add(text[:min(len(text), headSize)])
		}
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		f.Add(program(order, elf.ELFCLASS32))
		f.Add(program(order, elf.ELFCLASS64))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		head = head[:min(len(head), headSize)]
		machine, interpreter, ok := readELF(head)
		if !ok && (machine != "" || interpreter != "") || len(interpreter) > len(head) {
			t.Fatalf("%q, %q of %d bytes, ok: %v", machine, interpreter, len(head), ok)
		}
		theirs, err := elf.NewFile(bytes.NewReader(head))
		if err != nil {
			return // rt reads no more than it needs
		}
		if !ok && len(head) >= 64 {
			t.Fatal("an ELF is none here")
		}
		if want := machineName(uint16(theirs.Machine)); ok && machine != want {
			t.Errorf("machine %q, not %q", machine, want)
		}
		want := ""
		for _, p := range theirs.Progs {
			if text := make([]byte, min(p.Filesz, headSize+1)); p.Type == elf.PT_INTERP && len(text) <= headSize {
				if n, err := p.ReadAt(text, 0); err == nil && n == len(text) {
					text, _, _ := bytes.Cut(text, []byte{0})
					want = string(text)
				}
			}
		}
		if ok && interpreter != "" && interpreter != want {
			t.Errorf("interpreter %q, not %q", interpreter, want)
		}
	})
}

// program is the beginning of an ELF with an interpreter.
func program(order binary.ByteOrder, class elf.Class) []byte {
	var b bytes.Buffer
	ident := [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(class), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)}
	if order == binary.BigEndian {
		ident[elf.EI_DATA] = byte(elf.ELFDATA2MSB)
	}
	const path = "/lib/ld.so\x00"
	if class == elf.ELFCLASS32 {
		_ = binary.Write(&b, order, elf.Header32{
			Ident: ident, Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_ARM), Version: 1, Phoff: 52, Ehsize: 52,
			Phentsize: 32, Phnum: 1, Shentsize: 40,
		})
		_ = binary.Write(&b, order, elf.Prog32{Type: uint32(elf.PT_INTERP), Off: 84, Filesz: uint32(len(path))})
	} else {
		_ = binary.Write(&b, order, elf.Header64{
			Ident: ident, Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64,
			Phentsize: 56, Phnum: 1, Shentsize: 64,
		})
		_ = binary.Write(&b, order, elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 120, Filesz: uint64(len(path))})
	}
	b.WriteString(path)
	b.WriteString("padding up to the size of a header, and beyond")
	return b.Bytes()
}

// TestInterpreterOfAnELF has the four forms of an ELF.
func TestInterpreterOfAnELF(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		for class, want := range map[elf.Class]string{elf.ELFCLASS32: "armv7l", elf.ELFCLASS64: "x86_64"} {
			machine, interpreter, ok := readELF(program(order, class))
			if !ok || machine != want || interpreter != "/lib/ld.so" {
				t.Errorf("%v, %v: %q, %q, %v", order, class, machine, interpreter, ok)
			}
		}
	}
}
