//go:build !libseccomp

package seccomp

// Backend returns the name of what writes the programs.
func Backend() string { return "rt" }

// generate writes the program of f.
func (c *compiler) generate(f *Filter, warnings []string) ([]string, error) {
	c.writeSearch(f)
	return warnings, nil
}
