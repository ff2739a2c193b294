package spec

import (
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
)

// WithMount returns a copy of s that has m instead of its own mounts: a mount that is added to the container while it
// runs. m is checked as an entry of mounts is; its fields are named as those of mounts[0]. A relative source starts in
// the working directory; a relative destination, which is deprecated, is an error.
func (s *Spec) WithMount(m *specs.Mount) (*Spec, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, diag.Sys("the working directory is not known", "getcwd", err)
	}
	added, document := *s, *s.OCI
	document.Mounts = []specs.Mount{*m}
	added.OCI, added.Bundle, added.Process, added.Mounts, added.Warnings = &document, dir, nil, nil, nil
	c := configChecker{checker: &checker{}, spec: &added}
	if d := m.Destination; d != "" && d[0] != '/' {
		all := locationOf("mounts")
		at := all.At(0)
		c.refuse(at.Dot("destination"), d, "must be an absolute path, as the container sees it")
	} else {
		c.checkMounts(document.Mounts)
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	added.Warnings = c.warnings
	return &added, nil
}
