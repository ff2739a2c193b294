package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packages returns the imports of rt's packages, by their paths in the tree. Generators and tests are no part of rt.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	imports := make(map[string][]string)
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(name, ".") && name != ".." || name == "gen" || name == "jsongen" ||
			name == "build"),
			file == "../tests", file == "../man", file == "../packaging", file == "../docs":
			return fs.SkipDir
		case entry.IsDir(), !strings.HasSuffix(name, ".go"), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(path.Dir(file), "../")
		for _, i := range parsed.Imports {
			if p, ok := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), "rt/"); ok {
				imports[dir] = append(imports[dir], p)
			} else {
				imports[dir] = append(imports[dir], "")
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return imports
}

// TestREADMENamesEveryPackage looks for the packages in "Where to find what".
func TestREADMENamesEveryPackage(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../README.md"), "## Where to find what")
	section, _, _ = strings.Cut(section, "\n## ")
	list := packages(t)
	if len(list) < 15 {
		t.Fatalf("found only %d packages", len(list))
	}
	for dir := range list {
		if dir != ".." && !regexp.MustCompile(`(?m)^ +`+path.Base(dir)+`/ `).MatchString(section) {
			t.Errorf("README.md does not name the package %s", dir)
		}
	}
}

// TestREADMENamesTheTests looks for the directories of tests in "Where to find what".
func TestREADMENamesTheTests(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../README.md"), "## Where to find what")
	section, _, _ = strings.Cut(section, "\n## ")
	list, err := os.ReadDir("../tests")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.IsDir() && !strings.Contains(section, " "+e.Name()+"/") {
			t.Errorf("README.md does not name tests/%s", e.Name())
		}
	}
}

// TestImportsPointDown compares the imports with the list in architecture.md.
func TestImportsPointDown(t *testing.T) {
	_, text, _ := strings.Cut(read(t, "architecture.md"), "## The imports")
	layer := make(map[string]int)
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "    ") {
			continue
		}
		for dir := range strings.SplitSeq(strings.TrimSpace(line), ", ") {
			layer[dir] = i
		}
	}
	layer[".."] = layer["main.go"]
	for dir, imports := range packages(t) {
		if layer[dir] == 0 {
			t.Errorf("architecture.md does not list the package %s", dir)
		}
		for _, i := range imports {
			if i != "" && layer[i] <= layer[dir] {
				t.Errorf("%s imports %s, which is not below it", dir, i)
			}
		}
	}
}

// TestImportsOfPublicPackages compares what the packages import that others use too with the table in architecture.md.
func TestImportsOfPublicPackages(t *testing.T) {
	_, text, _ := strings.Cut(read(t, "architecture.md"), "## The imports")
	rows := regexp.MustCompile("(?m)^\\| `([a-z.]+)` \\| ([^|]+) \\|").FindAllStringSubmatch(text, -1)
	all := packages(t)
	all["main.go"] = all[".."]
	for _, dir := range []string{"main.go", "cli", "spec", "seccomp", "nsenter", "hooks"} {
		i := slices.IndexFunc(rows, func(row []string) bool { return row[1] == dir })
		if i < 0 {
			t.Errorf("architecture.md does not say what %s imports", dir)
			continue
		}
		used := map[string]bool{}
		for _, p := range all[dir] {
			if p != "" && !strings.Contains(rows[i][2], "`"+p+"`") {
				t.Errorf("%s imports %s, which is not for it: architecture.md, The imports", dir, p)
			}
			used["`"+p+"`"] = true
		}
		for p := range strings.SplitSeq(rows[i][2], ", ") {
			if !used[p] {
				t.Errorf("%s does not import %s any more: take it out of architecture.md", dir, p)
			}
		}
	}
}
