package cli

import (
	"runtime"
	"runtime/debug"

	"rt/spec"
)

// Set by the Makefile through the linker (-X).
var (
	version = "unknown"
	commit  string
)

func versionCommand() *Command {
	return &Command{
		Name: "version", Min: 0, Max: 0,
		Summary: "print the version",
		Description: []string{"Prints the version of rt, the commit it was built from, the newest OCI runtime " +
			"specification that it knows, and the version of Go, as --version does."},
		Action:   (*Call).writeVersion,
		Examples: []Row{{"rt version", "Print the version"}},
	}
}

// writeVersion prints what --version prints.
func (c *Call) writeVersion() error {
	_, err := c.Stdout.Write(appendVersion(nil, c.program))
	return err
}

// appendVersion appends what --version prints. go-runc wants the first line to start with "runc version " where runc is
// expected; moby takes the words before "version" as the name, and parses "commit: " and "spec: " below.
func appendVersion(dst []byte, program string) []byte {
	dst = append(dst, program+" version "+version+"\n"...)
	if c := builtFrom(); c != "" {
		dst = append(dst, "commit: "+c+"\n"...)
	}
	return append(dst, "spec: "+spec.NewestVersion+"\ngo: "+runtime.Version()+"\n"...)
}

// builtFrom returns the commit that rt was built from, as set by the Makefile or recorded by go build; "" if it is
// unknown.
func builtFrom() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
