package seccomp

// Machine returns the GOARCH name of a machine, by that name or by the spec's name of its native architecture,
// SCMP_ARCH_*; "" if there is none. x32 and the like are native on no machine.
func Machine(name string) string {
	for i := range archs {
		if m := &archs[i]; m.goarch != "" && (m.goarch == name || string(m.name) == name) {
			return m.goarch
		}
	}
	return ""
}
