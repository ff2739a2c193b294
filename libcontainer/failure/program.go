package failure

import (
	"bytes"
	"encoding/binary"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/spec"
)

// programHint returns a sentence that says why the program of a container was not found or executed, or "". It examines
// the root file system and the mounts of the config, without the changes in a layer. It opens only regular files, and
// reads only their beginning: the files are untrusted.
func programHint(e *diag.Error, config *spec.Spec) string {
	p := config.Process
	name := p.Args[0]
	dirs := []string{path.Dir(name)}
	if !strings.Contains(name, "/") {
		search, ok := envValue(p.Env, "PATH")
		if !ok {
			return "process.env has no PATH to look it up in: add one, or name the program by its path"
		}
		dirs = strings.Split(search, ":")
	}
	image := imageFiles{config}
	for _, dir := range dirs {
		file := path.Join(p.Cwd, dir, path.Base(name))
		if path.IsAbs(dir) {
			file = path.Join(dir, path.Base(name))
		}
		if hint := image.programHint(file, e.Errno); hint != "" {
			return hint
		}
	}
	if e.Errno == unix.ENOENT && strings.ContainsAny(name, " \t") {
		return `process.args[0] is one word with spaces: each argument is an element of its own, ["sh", "-c", ...]`
	}
	return ""
}

// envValue returns the last value of a variable.
func envValue(env []string, name string) (value string, ok bool) {
	for _, e := range env {
		if v, is := strings.CutPrefix(e, name+"="); is {
			value, ok = v, true
		}
	}
	return value, ok
}

// imageFiles are the files of a container, by their paths on the host.
type imageFiles struct{ config *spec.Spec }

// open opens a file of the container with O_PATH. noexec names the mount that is noexec, "" if none is. A file in a
// file system that only the container mounts can't be opened.
func (f imageFiles) open(name string) (fd int, noexec string, err error) {
	root, rest, noexec := f.config.Rootfs, name, ""
	for i := range f.config.Mounts { // the last mount above the file covers the others
		m := &f.config.Mounts[i]
		below, ok := sys.Below(name, m.Destination)
		if !ok || m.Remount {
			continue
		}
		root, rest, noexec = "", below, ""
		if m.Bind {
			root = m.Source
		}
		if (m.AttrSet|m.RecSet)&unix.MOUNT_ATTR_NOEXEC != 0 {
			noexec = "mounts[" + strconv.Itoa(i) + "]"
		}
	}
	if root == "" {
		return -1, noexec, unix.ENOENT
	}
	var st unix.Statfs_t
	if noexec == "" && unix.Statfs(root, &st) == nil && st.Flags&unix.ST_NOEXEC != 0 {
		noexec = "the file system of " + root
	}
	if rest == "" || rest == "/" {
		fd, err = unix.Open(root, unix.O_PATH|unix.O_CLOEXEC, 0)
	} else {
		fd, err = sys.OpenInRoot(root, rest, unix.O_PATH)
	}
	return fd, noexec, err
}

// programHint returns a sentence that says why a file can't be executed; "" if that is unknown or there is no such
// file.
func (f imageFiles) programHint(name string, errno unix.Errno) string {
	fd, noexec, err := f.open(name)
	if err != nil {
		if noexec != "" && errno == unix.EACCES {
			return noexec + " is mounted noexec, and so nothing in it can be executed"
		}
		return ""
	}
	defer func() { _ = unix.Close(fd) }()
	st, err := sys.StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE|unix.STATX_MODE)
	if err != nil {
		return ""
	}
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return name + " names a directory: name a program in it"
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return name + " is no regular file"
	case errno == unix.EACCES && noexec != "":
		return noexec + " is mounted noexec, and so nothing in it can be executed"
	case errno == unix.EACCES && st.Mode&0o111 == 0:
		return name + " has no execute bit in its mode: chmod +x it in the image"
	case !sys.InFileSystemOf(fd, f.config.Rootfs): // a file system that may never answer: see readUntrusted
	case errno == unix.EACCES:
		return f.accessHint(name)
	case errno == unix.ENOENT || errno == unix.ENOEXEC:
		return f.contentHint(name, readHead(fd), errno)
	}
	return ""
}

// headSize is how many bytes of a file are read: the kernel looks for the interpreter of a script in its first 256
// bytes (BINPRM_BUF_SIZE), and the program headers of an ELF follow its header in practice.
const headSize = 4096

// readHead reads the beginning of the regular file of an O_PATH descriptor.
func readHead(file int) []byte {
	flags := unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(file), flags, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = unix.Close(fd) }()
	head := make([]byte, headSize)
	n, err := unix.Pread(fd, head, 0)
	if err != nil {
		return nil
	}
	return head[:n]
}

// contentHint returns a sentence that says what is wrong with the beginning of a program, or "".
func (f imageFiles) contentHint(name string, head []byte, errno unix.Errno) string {
	if script, ok := bytes.CutPrefix(head, []byte("#!")); ok {
		return f.scriptHint(name, script)
	}
	machine, interpreter, isELF := readELF(head)
	switch {
	case isELF && machine != "" && machine != hostMachine():
		return name + " is an ELF for " + machine + ", and this machine is " + hostMachine()
	case isELF && interpreter != "" && errno == unix.ENOENT:
		return f.interpreterHint(name, "its ELF header", interpreter)
	case isELF:
		return ""
	case len(head) == 0:
		return name + " is empty"
	case errno == unix.ENOEXEC && bytes.IndexByte(head, 0) < 0:
		return name + " seems to be a script without a first line such as #!/bin/sh"
	}
	return ""
}

// scriptHint returns a sentence about a script, which is given after its #!.
func (f imageFiles) scriptHint(name string, script []byte) string {
	line, _, _ := bytes.Cut(script[:min(len(script), 254)], []byte("\n"))
	if bytes.HasSuffix(line, []byte("\r")) {
		return name + " has lines that end with CR LF, so a CR is taken for a part of the interpreter's name: " +
			"convert it, as dos2unix(1) does"
	}
	words := bytes.Fields(line)
	if len(words) == 0 {
		return name + " names no interpreter after #!"
	}
	return f.interpreterHint(name, "its #! line", string(words[0]))
}

// interpreterHint returns a sentence about the interpreter of a program. source says what names it.
func (f imageFiles) interpreterHint(name, source, interpreter string) string {
	quoted := strconv.Quote(interpreter)
	fd, _, err := f.open(path.Join("/", interpreter))
	if err != nil {
		return name + " is there, but not its interpreter " + quoted + ", which " + source + " names"
	}
	_ = unix.Close(fd)
	return name + " and its interpreter " + quoted + " are there: the interpreter's own interpreter may be missing"
}

// machineName returns the name in uname(2) of the machine with a number in an ELF header (elf(5), e_machine), or "".
func machineName(number uint16) string {
	switch number {
	case 3:
		return "i686"
	case 8:
		return "mips"
	case 21:
		return "ppc64"
	case 22:
		return "s390x"
	case 40:
		return "armv7l"
	case 62:
		return "x86_64"
	case 183:
		return "aarch64"
	case 243:
		return "riscv64"
	case 258:
		return "loongarch64"
	}
	return ""
}

// hostMachine returns the machine of the kernel: uname(2).
func hostMachine() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Machine[:])
}

// readELF parses the beginning of an ELF. It returns the machine, "" for an unknown one, and the interpreter. The file
// is untrusted: each offset is checked.
func readELF(head []byte) (machine, interpreter string, ok bool) {
	const identSize, headerSize = 16, 64
	if len(head) < headerSize || string(head[:4]) != "\x7fELF" {
		return "", "", false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 {
		order = binary.BigEndian
	}
	machine = machineName(order.Uint16(head[identSize+2:]))
	wide := head[4] == 2
	// e_phoff, e_phentsize and e_phnum, then p_offset and p_filesz: elf(5).
	table, size, count := uint64(order.Uint32(head[28:])), order.Uint16(head[42:]), order.Uint16(head[44:])
	if wide {
		table, size, count = order.Uint64(head[32:]), order.Uint16(head[54:]), order.Uint16(head[56:])
	}
	for i := range uint64(count) {
		at := table + i*uint64(size)
		if table > headSize || at+56 > uint64(len(head)) {
			break
		}
		const interp = 3 // PT_INTERP
		p := head[at:]
		if order.Uint32(p) != interp {
			continue
		}
		offset, length := uint64(order.Uint32(p[4:])), uint64(order.Uint32(p[16:]))
		if wide {
			offset, length = order.Uint64(p[8:]), order.Uint64(p[32:])
		}
		if offset > headSize || length > headSize || offset+length > uint64(len(head)) {
			break
		}
		interpreter = unix.ByteSliceToString(head[offset : offset+length])
	}
	return machine, interpreter, true
}
