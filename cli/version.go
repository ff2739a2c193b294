package cli

import (
	"runtime"
	"runtime/debug"

	"rt/spec"
)

// Version is the version of rt.
const Version = "0.1.0"

// appendVersion appends what --version prints. go-runc wants the first line to start with "runc version " where runc is expected; moby takes
// what stands before "version" for the name, and looks for "commit: " and "spec: " below.
func appendVersion(dst []byte, program string) []byte {
	dst = append(dst, program+" version "+Version+"\n"...)
	if c := commit(); c != "" {
		dst = append(dst, "commit: "+c+"\n"...)
	}
	return append(dst, "spec: "+spec.NewestVersion+"\ngo: "+runtime.Version()+"\n"...)
}

// commit is what git knew of the source when rt was built; "" if it was built outside of a repository.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var revision, suffix string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			suffix = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + suffix
}
