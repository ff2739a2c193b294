package spec

// unsupported are the annotations of crun that would change what the process may do, sees or is, and what to use
// instead. rt ignores the other annotations that it does not know: engines add some of crun's to every container.
var unsupported = [...]struct{ name, instead string }{
	{"run.oci.handler", "rt runs no virtual machines and no WebAssembly"},
	{"run.oci.seccomp.plugins", "use linux.seccomp.listenerPath"},
	{"run.oci.seccomp.receiver", "use linux.seccomp.listenerPath"},
	{"run.oci.seccomp_bpf_data", "use linux.seccomp"},
	{"run.oci.seccomp_fail_unknown_syscall", "system calls that rt does not know are always a warning"},
	{"run.oci.timens_offset", "use linux.timeOffsets"},
}

// checkAnnotations checks annotations (config.md, Annotations).
func (c *configChecker) checkAnnotations(m map[string]string) {
	if _, ok := m[""]; ok {
		c.refuse(locationOf("annotations"), "", "must not have an empty key")
	}
	at := locationOf("annotations")
	for _, u := range unsupported {
		if _, ok := m[u.name]; ok {
			c.warn(at.Key(u.name), "has no effect: "+u.instead)
		}
	}
}
