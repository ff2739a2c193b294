package nsenter

import (
	"encoding/binary"
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/elf"
)

// The layout of a boot image: an ELF executable that the kernel maps at loadAddress as it is, readable and executable,
// and three writable pages elsewhere. The stubs contain these numbers too.
const (
	loadAddress     = 0x400000
	ctlOffset       = 0xf0 // the number of the descriptor to report on
	stubOffset      = 0x100
	tableOffset     = 0x400
	registerAddress = 0x40400000
	scratchAddress  = registerAddress + 8*MaxReg
	writableSize    = 0x3000
	rowSize         = 72
	maxSteps        = 1 << 20 // an image of a hundred megabytes: some 50,000 mounts
	sizeofTimespec  = 16
)

// ScratchSize is how many bytes of scratch memory a program has.
const ScratchSize = writableSize - 8*MaxReg

// The first word of a report: doc.go has its layout.
const (
	reportFailed = 1
	reportSync   = 2
	reportTrace  = 3
)

// Image is an executable file that runs one program.
type Image []byte

// Assemble lays p out as an executable. Its errors are bugs of the compiler that made the program, except those about
// strings with NUL bytes and about programs of too many steps.
func Assemble(p *Program) (Image, error) {
	if len(p.Steps) == 0 || len(p.Steps) > maxSteps {
		return nil, errors.New("nsenter: a program has 1 to " + strconv.Itoa(maxSteps) + " steps, not " +
			strconv.Itoa(len(p.Steps)))
	}
	code := stubCode()
	data := tableOffset + len(p.Steps)*rowSize
	// What the operands point to takes 10 to 20 bytes a step. An image that outgrows its array would be copied, into
	// pages that are all new.
	const least, perStep = 8 << 10, 24
	a := assembler{p: p, image: make([]byte, data, data+max(least, perStep*len(p.Steps)))}
	copy(a.image[stubOffset:], code)
	binary.NativeEndian.PutUint32(a.image[ctlOffset:], uint32(p.Number(p.Ctl)))
	for i := range p.Steps {
		if err := a.writeRow(i); err != nil {
			return nil, errors.New("nsenter: step " + strconv.Itoa(i+1) + " (" + p.Steps[i].Call.String() + "): " +
				err.Error())
		}
	}
	writeELFHeader(a.image)
	return a.image, nil
}

// An assembler writes the image of one program.
type assembler struct {
	p       *Program
	image   []byte
	written [MaxReg]bool // registers that an earlier step writes
}

// writeRow writes row i of the table, and the data to which its operands point.
func (a *assembler) writeRow(i int) error {
	s := &a.p.Steps[i]
	for _, target := range [2]int{int(s.Then), int(s.Else)} {
		if target != 0 && (target <= i || target >= len(a.p.Steps)) {
			return errors.New("jumps to step " + strconv.Itoa(target+1) +
				": jumps go forward, to a step of the program")
		}
	}
	if len(s.Args) > 6 || s.To >= MaxReg {
		return errors.New("has more than 6 operands, or a register above the last")
	}
	var registers byte
	var args [6]uint64
	for k := range s.Args {
		if s.Args[k].kind == argReg {
			if s.Args[k].val >= MaxReg || !a.written[s.Args[k].val] {
				return errors.New("reads register " + strconv.Itoa(int(s.Args[k].val)) +
					", which no earlier step writes")
			}
			registers |= 1 << k
		}
		v, err := a.value(&s.Args[k], i)
		if err != nil {
			return err
		}
		args[k] = v
	}
	// A value may have moved the image to a larger array: the row is a slice of the present one.
	row := a.image[tableOffset+i*rowSize:][:rowSize]
	nr := s.Call.Number()
	if s.Fault != 0 {
		nr = uint32(-int32(s.Fault))
	}
	le := binary.NativeEndian
	le.PutUint32(row, nr)
	row[4], row[5], row[7] = registers, byte(s.To), s.Again
	copy(row[8:], s.Errnos.list[:])
	le.PutUint32(row[12:], nextStep(s.Then, i))
	le.PutUint32(row[16:], nextStep(s.Else, i))
	le.PutUint32(row[20:], uint32(s.Min))
	for k, v := range args {
		le.PutUint64(row[24+8*k:], v)
	}
	a.written[s.To] = true
	return nil
}

// nextStep returns the step with which the program continues after step i: target, or the next one if that is 0.
func nextStep(target int32, i int) uint32 {
	if target == 0 {
		return uint32(i + 1)
	}
	return uint32(target)
}

// value returns the value of operand arg of step i at run time, and appends the data to which it points.
func (a *assembler) value(arg *Arg, i int) (uint64, error) {
	switch arg.kind {
	case argFD:
		if arg.val >= uint64(len(a.p.FDs)) {
			return 0, errors.New("names a descriptor that the program does not have")
		}
		return uint64(a.p.Number(FD(arg.val))), nil
	case argString:
		return a.appendString(arg.text())
	case argData:
		return a.appendData(arg, i)
	case argVec:
		return a.appendVector(arg, i)
	case argScratch:
		if arg.val >= ScratchSize {
			return 0, errors.New("points behind the scratch memory")
		}
		return scratchAddress + arg.val, nil
	case argReport, argTrace:
		return a.appendReport(arg, i), nil
	case argReg, argImm:
	}
	return arg.val, nil
}

// appendString appends a NUL-terminated string and returns its address.
func (a *assembler) appendString(s string) (uint64, error) {
	for k := range len(s) {
		if s[k] == 0 {
			return 0, errors.New("has a NUL byte in the string " + strconv.Quote(s))
		}
	}
	address := loadAddress + uint64(len(a.image))
	a.image = append(append(a.image, s...), 0)
	return address, nil
}

// appendData appends the bytes of arg, on a boundary of 8, and fills in what they refer to.
func (a *assembler) appendData(arg *Arg, i int) (uint64, error) {
	a.align()
	offset := len(a.image)
	more := arg.more()
	a.image = append(a.image, more.bytes...)
	for k := range more.refs {
		r := &more.refs[k]
		if r.Arg.kind == argReg || r.Offset+r.Size > len(more.bytes) {
			return 0, errors.New("refers to a register, or to bytes behind the end, in " + arg.shown())
		}
		v, err := a.value(&r.Arg, i)
		if err != nil {
			return 0, err
		}
		target := a.image[offset+r.Offset:]
		if r.Size == 4 {
			binary.NativeEndian.PutUint32(target, uint32(v))
		} else {
			binary.NativeEndian.PutUint64(target, v)
		}
	}
	return loadAddress + uint64(offset), nil
}

// appendVector appends a NULL-terminated array of strings. The last of them may be one whose address is known only at
// run time.
func (a *assembler) appendVector(arg *Arg, i int) (uint64, error) {
	v, last := arg.more().vec, arg.more().last
	a.align()
	offset := len(a.image)
	a.image = append(a.image, make([]byte, 8*(len(v)+2))...)
	for k, s := range v {
		address, err := a.appendString(s)
		if err != nil {
			return 0, err
		}
		binary.NativeEndian.PutUint64(a.image[offset+8*k:], address)
	}
	if last != nil {
		address, err := a.value(last, i)
		if err != nil {
			return 0, err
		}
		binary.NativeEndian.PutUint64(a.image[offset+8*len(v):], address)
	}
	return loadAddress + uint64(offset), nil
}

// appendReport appends the head of a report of step i, and the iovecs of the whole report: the head, a register, and
// for a trace the times. It returns the address of the iovecs.
func (a *assembler) appendReport(arg *Arg, i int) uint64 {
	kind := uint32(reportSync)
	if arg.kind == argTrace {
		kind = reportTrace
	}
	a.align()
	le := binary.NativeEndian
	head := loadAddress + uint64(len(a.image))
	a.image = le.AppendUint32(a.image, kind)
	a.image = le.AppendUint32(a.image, uint32(i))
	iovecs := loadAddress + uint64(len(a.image))
	a.image = le.AppendUint64(a.image, head)
	a.image = le.AppendUint64(a.image, 8)
	a.image = le.AppendUint64(a.image, registerAddress+8*arg.val)
	a.image = le.AppendUint64(a.image, 8)
	if arg.kind == argTrace {
		a.image = le.AppendUint64(a.image, scratchAddress)
		a.image = le.AppendUint64(a.image, 2*sizeofTimespec)
	}
	return iovecs
}

// align pads the image to a boundary of 8, which addresses and most structures of the kernel require.
func (a *assembler) align() {
	for len(a.image)%8 != 0 {
		a.image = append(a.image, 0)
	}
}

// Makes reports whether step i makes its call with these operands. An operand that is a register may have any value.
func (image Image) Makes(i int, args [6]uint64) bool {
	row := image[tableOffset+i*rowSize:][:rowSize]
	for k, v := range args {
		if row[4]&(1<<k) == 0 && binary.NativeEndian.Uint64(row[24+8*k:]) != v {
			return false
		}
	}
	return true
}

// writeELFHeader writes the ELF header and the program headers at the start of a finished image: elf(5).
func writeELFHeader(image []byte) {
	const pageAlign = 0x10000 // arm64 kernels have pages of up to 64 kB
	le := binary.NativeEndian
	copy(image, elf.Magic)
	copy(image[len(elf.Magic):], []byte{elf.Class64, elf.LittleEndian, elf.Version})
	h := image[16:]
	le.PutUint16(h, elf.Executable)
	le.PutUint16(h[2:], elf.Machine())
	le.PutUint32(h[4:], elf.Version)
	le.PutUint64(h[8:], loadAddress+stubOffset)
	le.PutUint64(h[16:], elf.HeaderSize)
	le.PutUint16(h[36:], elf.HeaderSize)
	le.PutUint16(h[38:], elf.ProgramSize)
	le.PutUint16(h[40:], 3)

	segment := func(i int, kind, flags uint32, address, fileSize, memorySize uint64) {
		p := image[elf.HeaderSize+i*elf.ProgramSize:]
		le.PutUint32(p, kind)
		le.PutUint32(p[4:], flags)
		le.PutUint64(p[16:], address)
		le.PutUint64(p[24:], address)
		le.PutUint64(p[32:], fileSize)
		le.PutUint64(p[40:], memorySize)
		le.PutUint64(p[48:], pageAlign)
	}
	size := uint64(len(image))
	const readable, writable, executable = elf.SegmentReadable, elf.SegmentWritable, elf.SegmentExecutable
	segment(0, elf.SegmentLoad, readable|executable, loadAddress, size, size)
	segment(1, elf.SegmentLoad, readable|writable, registerAddress, 0, writableSize)
	segment(2, elf.SegmentGNUStack, readable|writable, 0, 0, 0)
}

// Errno returns the errno that the result of a failed step means: Short if the result is no error.
func Errno(result int64) unix.Errno {
	if result < 0 && result > -4096 {
		return unix.Errno(-result)
	}
	return Short
}
