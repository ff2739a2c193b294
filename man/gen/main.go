// gen writes the manual pages of rt, from the same data as its help: `go run ./man/gen man`.
//
// It turns cli.Commands into roff, for man(7), one page a command and rt.8 for all of them. It runs when the command line has changed (make man); a test
// of this package says so when it was forgotten.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := "man"
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	for name, text := range pages() {
		//nolint:forbidigo // a tool for developers
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
