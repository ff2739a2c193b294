package criu

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// usual is where criu is looked for behind PATH, which engines may leave out of the environment of a runtime, and which of an ordinary user lacks the directories
// that end in sbin. Only tests change it.
var usual = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Find returns the path of the program criu.
func Find() (string, error) {
	for dir := range strings.SplitSeq(os.Getenv("PATH")+":"+usual, ":") {
		if !filepath.IsAbs(dir) {
			continue // never what lies in the directory rt happens to be called in
		}
		path := dir + "/criu"
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", &diag.Error{
		Kind: diag.Host, Problem: "the program criu, which saves processes and brings them back, is not in PATH: " + os.Getenv("PATH"),
		Hint: "install CRIU 3.15 or newer: see https://criu.org",
	}
}
