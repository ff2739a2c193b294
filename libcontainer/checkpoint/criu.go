package checkpoint

import (
	"os"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/criu"
	"rt/spec"
)

// The oldest CRIU that rt works with is of 2020: it has all that is asked of it but the labels of mounts.
const oldestMajor, oldestMinor = 3, 15

// findCRIU returns the program, if it is one that rt can work with.
func findCRIU() (string, error) {
	program, err := criu.Find()
	if err != nil {
		return "", err
	}
	r, err := criu.Ask(program, os.Environ(), criu.VersionQuery, criu.Features{})
	if err != nil {
		return "", err
	}
	if r.Version.Before(oldestMajor, oldestMinor) {
		return "", &diag.Error{Kind: diag.Host, Problem: "criu " + r.Version.String() +
			" is too old: rt needs 3.15 or newer: " + program}
	}
	return program, nil
}

// hasFeatures refuses what CRIU, or the kernel, can't do.
func hasFeatures(program string, wanted criu.Features) error {
	if wanted == (criu.Features{}) {
		return nil
	}
	r, err := criu.Ask(program, os.Environ(), criu.FeatureCheck, wanted)
	if err != nil {
		return err
	}
	if wanted.MemoryTracking && !r.Features.MemoryTracking {
		return &diag.Error{
			Kind: diag.Host, Field: "--pre-dump",
			Problem: "this kernel does not tell which memory has changed (CONFIG_MEM_SOFT_DIRTY), or criu can't ask it",
		}
	}
	if wanted.LazyPages && !r.Features.LazyPages {
		return &diag.Error{
			Kind: diag.Host, Field: "--lazy-pages",
			Problem: "this kernel has no userfaultfd(2) that criu can use",
		}
	}
	return nil
}

// criuAnnotation names a file of options for CRIU that have the last word; an empty value is for none. It gives who
// writes the config the rights of who runs rt, for CRIU runs programs that its options name.
const criuAnnotation = "org.criu.config"

// criuConfig is that file if the config does not name one and it exists. The path is that of runc, so that both use the
// same file.
const criuConfig = "/etc/criu/runc.conf"

// configFile returns the file of further options for CRIU, or "".
func configFile(s *spec.Spec) string {
	if file, ok := s.OCI.Annotations[criuAnnotation]; ok {
		return file
	}
	if unix.Access(criuConfig, unix.F_OK) == nil {
		return criuConfig
	}
	return ""
}
