package nsenter

import "unsafe"

// stub is the code of the boot process. It is never called here: Assemble copies its bytes.
func stub()

// stubAddress returns where the bytes of stub begin.
func stubAddress() uintptr

// stubEnd stands behind the last instruction of the stub in both of its source files.
const stubEnd = "stub end"

// stubCode returns the bytes of the stub, which run wherever image.go puts them.
func stubCode() []byte {
	const most = tableOffset - stubOffset
	// The text of a running program is never moved or unmapped, so the pointer stays good.
	address := stubAddress()
	text := unsafe.Slice(*(**byte)(unsafe.Pointer(&address)), most+len(stubEnd))
	for i := 0; i <= most; i++ {
		if string(text[i:i+len(stubEnd)]) == stubEnd {
			return text[:i]
		}
	}
	panic("nsenter: the stub has outgrown its part of the image")
}
