package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// An architecture is a row of archs: the system calls of a machine, and how the kernel shows their arguments.
type architecture struct {
	name   specs.Arch
	goarch string // the GOARCH whose programs use it natively; "" if Go has none
	audit  uint32 // seccomp_data.arch: AUDIT_ARCH_* of linux/audit.h
	base   uint32 // added to the numbers of the column
	column uint8
	narrow bool // arguments are 32 bits wide; the upper halves are not compared
	big    bool // big-endian: the upper half of an argument comes first
	mux    bool // socketcall(2) and ipc(2) multiplex other calls
}

// x32Bit marks the calls of x32, which share AUDIT_ARCH_X86_64 with those of x86_64 (asm/unistd.h).
const x32Bit = 0x40000000

// archs are the architectures of config-linux.md#seccomp, x86 first.
var archs = [...]architecture{
	{name: specs.ArchX86_64, goarch: "amd64", audit: 0xc000003e, column: colX86_64},
	{name: specs.ArchX86, goarch: "386", audit: 0x40000003, column: colX86, narrow: true, mux: true},
	{name: specs.ArchX32, audit: 0xc000003e, base: x32Bit, column: colX32, narrow: true},
	{name: specs.ArchAARCH64, goarch: "arm64", audit: 0xc00000b7, column: colAARCH64},
	{name: specs.ArchARM, goarch: "arm", audit: 0x40000028, column: colARM, narrow: true},
	{
		name: specs.ArchMIPS, goarch: "mips", audit: 0x00000008, base: 4000, column: colMIPS, narrow: true, big: true,
		mux: true,
	},
	{name: specs.ArchMIPS64, goarch: "mips64", audit: 0x80000008, base: 5000, column: colMIPS64, big: true},
	{name: specs.ArchMIPS64N32, audit: 0xa0000008, base: 6000, column: colMIPS64N32, narrow: true, big: true},
	{
		name: specs.ArchMIPSEL, goarch: "mipsle", audit: 0x40000008, base: 4000, column: colMIPS, narrow: true,
		mux: true,
	},
	{name: specs.ArchMIPSEL64, goarch: "mips64le", audit: 0xc0000008, base: 5000, column: colMIPS64},
	{name: specs.ArchMIPSEL64N32, audit: 0xe0000008, base: 6000, column: colMIPS64N32, narrow: true},
	{name: specs.ArchPPC, goarch: "ppc", audit: 0x00000014, column: colPPC, narrow: true, big: true, mux: true},
	{name: specs.ArchPPC64, goarch: "ppc64", audit: 0x80000015, column: colPPC64, big: true, mux: true},
	{name: specs.ArchPPC64LE, goarch: "ppc64le", audit: 0xc0000015, column: colPPC64, mux: true},
	{name: specs.ArchS390, goarch: "s390", audit: 0x00000016, column: colS390, narrow: true, big: true, mux: true},
	{name: specs.ArchS390X, goarch: "s390x", audit: 0x80000016, column: colS390X, big: true, mux: true},
	{name: specs.ArchPARISC, goarch: "parisc", audit: 0x0000000f, column: colPARISC, narrow: true, big: true},
	{name: specs.ArchPARISC64, goarch: "parisc64", audit: 0x8000000f, column: colPARISC64, big: true},
	{name: specs.ArchRISCV64, goarch: "riscv64", audit: 0xc00000f3, column: colRISCV64},
	{name: specs.ArchLOONGARCH64, goarch: "loong64", audit: 0xc0000102, column: colLOONGARCH64},
	{name: specs.ArchM68K, goarch: "m68k", audit: 0x00000004, column: colM68K, narrow: true, big: true, mux: true},
	{name: specs.ArchSH, goarch: "sh", audit: 0x4000002a, column: colSH, narrow: true, mux: true},
	{name: specs.ArchSHEB, goarch: "sheb", audit: 0x0000002a, column: colSH, narrow: true, big: true, mux: true},
}

// archByName returns the architecture with a name of the spec, SCMP_ARCH_*, or nil.
func archByName(name specs.Arch) *architecture {
	for i := range archs {
		if archs[i].name == name {
			return &archs[i]
		}
	}
	return nil
}

// archByGOARCH returns the native architecture of a machine, or nil if seccomp does not know it.
func archByGOARCH(goarch string) *architecture {
	for i := range archs {
		if archs[i].goarch == goarch && goarch != "" {
			return &archs[i]
		}
	}
	return nil
}

// enosys returns the return value for ENOSYS on this architecture: mips and parisc have errnos of their own
// (asm/errno.h).
func (a *architecture) enosys() uint32 {
	errno := uint32(38)
	switch a.column {
	case colMIPS, colMIPS64, colMIPS64N32:
		errno = 89
	case colPARISC, colPARISC64:
		errno = 251
	}
	return unix.SECCOMP_RET_ERRNO | errno
}

// argumentOffset returns the offset of the lower or upper half of argument i in struct seccomp_data (linux/seccomp.h).
func (a *architecture) argumentOffset(i uint8, upper bool) uint32 {
	off := 16 + 8*uint32(i)
	if upper != a.big {
		off += 4
	}
	return off
}

// Offsets of the other fields of struct seccomp_data.
const (
	offNumber = 0
	offArch   = 4
)

// Architectures returns the names that linux.seccomp.architectures may contain.
func Architectures() []string {
	out := make([]string, len(archs))
	for i := range archs {
		out[i] = string(archs[i].name)
	}
	return out
}
