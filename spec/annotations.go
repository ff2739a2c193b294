package spec

// checkAnnotations checks annotations (config.md, Annotations).
func (c *configChecker) checkAnnotations(m map[string]string) {
	if _, ok := m[""]; ok {
		c.refuse(locationOf("annotations"), "", "must not have an empty key")
	}
}
