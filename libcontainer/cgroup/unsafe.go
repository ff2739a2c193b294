package cgroup

// UnsafeAnnotations lists the annotations of a config that reach past the container, as engines must know before they pass on what their users write: those
// that end in a dot stand for all that begin so (features.md, potentiallyUnsafeConfigAnnotations; CVE-2024-3154 of CRI-O).
func UnsafeAnnotations() []string {
	return []string{"org.criu.config", propertyPrefix, "run.oci.hooks.", "run.oci.keep_original_groups", "run.oci.pidfd_receiver"}
}
