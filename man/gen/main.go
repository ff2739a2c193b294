// gen writes the manual pages of rt, from the same data as its help: `make man`.
//
// It turns cli.Commands into roff, for man(7), one page a command and rt.8 for all of them. It runs when the command
// line has changed; a test of this package says so when it was forgotten.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gen <directory>")
		os.Exit(1)
	}
	for name, text := range pages() {
		if err := os.WriteFile(filepath.Join(os.Args[1], name), []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
