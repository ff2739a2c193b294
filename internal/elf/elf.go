// Package elf has the constants of 64-bit ELF executables (elf(5)) for the machines that rt runs on. Package debug/elf
// of the standard library has them too, and would link decompressors and the debugging formats.
package elf

import "runtime"

// The start of a file: e_ident.
const (
	Magic        = "\x7fELF"
	Class64      = 2 // EI_CLASS
	LittleEndian = 1 // EI_DATA
	Version      = 1 // EI_VERSION
)

// Sizes of the header of a file, and of a program header.
const (
	HeaderSize  = 64
	ProgramSize = 56
)

// Types of files (e_type) and of segments (p_type).
const (
	Executable      = 2          // ET_EXEC
	SegmentLoad     = 1          // PT_LOAD
	SegmentInterp   = 3          // PT_INTERP
	SegmentGNUStack = 0x6474e551 // PT_GNU_STACK
)

// Permissions of a segment (p_flags).
const (
	SegmentExecutable = 1
	SegmentWritable   = 2
	SegmentReadable   = 4
)

// Machine returns the e_machine of this program.
func Machine() uint16 {
	const amd64, arm64 = 62, 183
	if runtime.GOARCH == "arm64" {
		return arm64
	}
	return amd64
}
