package criu

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// defaultPath is searched for criu after PATH, which engines may leave out of a runtime's environment, and which for an
// ordinary user lacks the sbin directories. Only tests change it.
var defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Find returns the path of the program criu.
func Find() (string, error) {
	for dir := range strings.SplitSeq(os.Getenv("PATH")+":"+defaultPath, ":") {
		if !filepath.IsAbs(dir) {
			continue // never a program in the working directory
		}
		path := dir + "/criu"
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", &diag.Error{
		Kind: diag.Host, Problem: "the program criu, which dumps and restores processes, is not in PATH: " +
			os.Getenv("PATH"),
		Hint: "install CRIU 3.15 or newer: see https://criu.org",
	}
}
