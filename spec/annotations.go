package spec

// annotations checks annotations (config.md, Annotations).
func (c *checker) annotations(m map[string]string) {
	if _, ok := m[""]; ok {
		c.bad(locationOf("annotations"), "", "must not have an empty key")
	}
}
