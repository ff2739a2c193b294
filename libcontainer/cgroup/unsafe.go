package cgroup

// UnsafeAnnotations lists the annotations of a config that affect more than the container, for engines that pass on
// annotations of their users. A name that ends in a dot is a prefix (features.md, potentiallyUnsafeConfigAnnotations;
// CVE-2024-3154 of CRI-O).
func UnsafeAnnotations() []string {
	return []string{
		"org.criu.config",
		propertyPrefix,
		"run.oci.hooks.",
		"run.oci.keep_original_groups",
		"run.oci.pidfd_receiver",
	}
}
