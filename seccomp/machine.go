package seccomp

// Machine finds the GOARCH name of a machine by that name or by the spec's for its native architecture, SCMP_ARCH_*; ""
// if there is none. x32 and its like are of no machine of their own.
func Machine(name string) string {
	for i := range archs {
		if m := &archs[i]; m.goarch != "" && (m.goarch == name || string(m.name) == name) {
			return m.goarch
		}
	}
	return ""
}
