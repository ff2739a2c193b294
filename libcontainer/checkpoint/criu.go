package checkpoint

import (
	"os"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/criu"
	"rt/spec"
)

// The oldest CRIU that rt supports is of 2020. It lacks only --lsm-mount-context.
const oldestMajor, oldestMinor = 3, 15

// findCRIU returns the path of criu, as criu.Find does. It returns an error if the version is too old.
func findCRIU(name string) (string, error) {
	program, err := criu.Find(name)
	if err != nil {
		return "", err
	}
	r, err := criu.Ask(program, os.Environ(), criu.VersionQuery, criu.Features{})
	if err != nil {
		return "", err
	}
	if r.Version.Before(oldestMajor, oldestMinor) {
		return "", &diag.Error{
			Kind: diag.Host, Problem: program + " has version " + r.Version.String() + ", and rt needs 3.15 or newer",
		}
	}
	return program, nil
}

// checkFeatures returns an error if CRIU, or the kernel, lacks a wanted feature.
func checkFeatures(program string, wanted criu.Features) error {
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
			Problem: "this kernel does not track changes of memory (CONFIG_MEM_SOFT_DIRTY), or criu can't read them",
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

// criuAnnotation names a file of CRIU options, which override those of rt; "" is no file. CRIU executes programs that
// its options name: the author of the config gets the privileges of the user who runs rt.
const criuAnnotation = "org.criu.config"

// criuConfig is the file of CRIU options if the config has no criuAnnotation. It may be missing. runc uses the same
// path.
const criuConfig = "/etc/criu/runc.conf"

// configFile returns the path of the file of CRIU options, or "".
func configFile(s *spec.Spec) string {
	if file, ok := s.OCI.Annotations[criuAnnotation]; ok {
		return file
	}
	if unix.Access(criuConfig, unix.F_OK) == nil {
		return criuConfig
	}
	return ""
}
