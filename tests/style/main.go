// style checks what golangci-lint does not: the licences of the modules that rt links, and the width of lines.
//
//	style licences  each linked module has a licence that may be linked into an Apache-2.0 program
//	style columns   no line of Go or of a script is wider than 120 columns
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxColumns is the widest line; a tab counts as four.
const maxColumns = 120

// licences are texts by which a licence is known, in the order in which they are looked for. All of them may be linked
// into a program under Apache-2.0.
var licences = []struct{ name, text string }{
	{"Apache-2.0", "Apache License"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD", "Redistribution and use in source and binary forms"},
	{"MPL-2.0", "Mozilla Public License Version 2.0"},
	{"ISC", "Permission to use, copy, modify, and/or distribute this software"},
}

func main() {
	var problems []string
	var err error
	switch {
	case len(os.Args) == 2 && os.Args[1] == "licences":
		problems, err = checkLicences(os.Stdout)
	case len(os.Args) == 2 && os.Args[1] == "columns":
		problems, err = checkColumns()
	default:
		err = errors.New("usage: style licences | style columns")
	}
	if err != nil {
		problems = append(problems, err.Error())
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

// checkLicences prints the licence of each module that rt links, and returns those that have none or an unknown one.
func checkLicences(out *os.File) (problems []string, err error) {
	const format = "{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}"
	text, err := exec.Command("go", "list", "-deps", "-f", format, ".").Output()
	if err != nil {
		return nil, fmt.Errorf("the modules that rt links can't be listed: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(lines)
	n := 0
	for _, line := range slices.Compact(lines) {
		words := strings.Fields(line)
		if len(words) != 3 {
			continue // the standard library, or rt
		}
		n++
		name, err := licenceOf(words[2])
		if err != nil {
			problems = append(problems, words[0]+": "+err.Error())
			continue
		}
		fmt.Fprintf(out, "%-12s %s %s\n", name, words[0], words[1])
	}
	if n < 5 {
		problems = append(problems, fmt.Sprintf("only %d modules are linked: has the list changed its form?", n))
	}
	return problems, nil
}

// licenceOf names the licence of a module whose source is in dir.
func licenceOf(dir string) (string, error) {
	for _, pattern := range []string{"LICENSE*", "LICENCE*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			for _, l := range licences {
				if bytes.Contains(text, []byte(l.text)) {
					return l.name, nil
				}
			}
			return "", errors.New(filepath.Base(file) + " is no licence that is known here")
		}
	}
	return "", errors.New("has no licence")
}

// checkColumns returns the lines that are too wide.
func checkColumns() (problems []string, err error) {
	seen := 0
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "build" || entry.Name() == "testdata"):
			return filepath.SkipDir
		case entry.IsDir() || !entry.Type().IsRegular():
			return nil
		}
		switch filepath.Ext(path) {
		case ".go", ".s", ".bash", ".bats":
		default:
			return nil
		}
		seen++
		wide, err := wideLines(path)
		problems = append(problems, wide...)
		return err
	})
	if seen < 100 {
		problems = append(problems, fmt.Sprintf("only %d files were read: run style in the root of the repository",
			seen))
	}
	slices.Sort(problems)
	return problems, err
}

// wideLines are the lines of a file that are too wide. Generated files are as their generator wants them.
func wideLines(path string) (wide []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(text, []byte("// Code generated ")) {
		return nil, nil
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if columns := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t"); columns > maxColumns {
			wide = append(wide, fmt.Sprintf("%s:%d: %d columns, more than %d", path, n, columns, maxColumns))
		}
	}
	return wide, lines.Err()
}
