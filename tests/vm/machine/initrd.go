package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// initrd makes an initial RAM disk of the guest program and the drivers of a kernel: an archive in the "newc" format of
// cpio(5), as Documentation/driver-api/early-userspace/buffer-format.rst of the kernel describes it.
func initrd(kernel, arch string) ([]byte, error) {
	program, err := guest(arch)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, dir := range []string{"dev", "modules", "proc", "root", "sys"} {
		entry(&out, dir, 0o40755, nil)
	}
	if err := entryOf(&out, "init", 0o100755, program); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(cache("kernels", kernel+"-"+arch, "drivers", "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		if err := entryOf(&out, "modules/"+filepath.Base(path), 0o100644, path); err != nil {
			return nil, err
		}
	}
	entry(&out, "TRAILER!!!", 0, nil)
	return out.Bytes(), nil
}

func entryOf(out *bytes.Buffer, name string, mode uint32, path string) error {
	content, err := os.ReadFile(path)
	if err == nil {
		entry(out, name, mode, content)
	}
	return err
}

// entry writes an entry: a header of fourteen numbers, the name with its NUL, the content; each padded to four bytes.
func entry(out *bytes.Buffer, name string, mode uint32, content []byte) {
	inode, links := out.Len()+1, 1
	out.WriteString("070701")
	size, length := uint32(len(content)), uint32(len(name)+1)
	for _, field := range []uint32{uint32(inode), mode, 0, 0, uint32(links), 0, size, 0, 0, 0, 0, length, 0} {
		fmt.Fprintf(out, "%08X", field)
	}
	out.WriteString(name + "\x00")
	pad(out)
	out.Write(content)
	pad(out)
}

func pad(out *bytes.Buffer) {
	for out.Len()%4 != 0 {
		out.WriteByte(0)
	}
}
