package docs

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/libcontainer/cgroup"
)

// properties lists the paths of all properties in a type of the specification. Sections of other platforms are not
// opened.
func properties(t reflect.Type, at string) (list []string) {
	switch t.Kind() {
	case reflect.Pointer:
		return properties(t.Elem(), at)
	case reflect.Slice:
		return properties(t.Elem(), at+"[]")
	case reflect.Map:
		return properties(t.Elem(), at+".*")
	case reflect.Struct:
		for f := range t.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" || name == "-" {
				list = append(list, properties(f.Type, at)...) // embedded
				continue
			}
			p := strings.TrimPrefix(at+"."+name, ".")
			list = append(list, p)
			if !slices.Contains([]string{"solaris", "windows", "vm", "zos", "freebsd"}, p) {
				list = append(list, properties(f.Type, p)...)
			}
		}
	}
	return list
}

// TestConfigHasEveryProperty compares the tables of config.md with the types of the specification, and its annotations
// with those that rt calls unsafe.
func TestConfigHasEveryProperty(t *testing.T) {
	page := read(t, "config.md")
	page, annotations, ok := strings.Cut(page, "\n## Annotations\n")
	if !ok {
		t.Fatal("config.md has no section of annotations")
	}
	code := regexp.MustCompile("`([^`]+)`")
	var rows []string
	for line := range strings.Lines(page) {
		cells := strings.Split(line, " | ")
		if len(cells) < 2 || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range code.FindAllStringSubmatch(cells[0], -1) {
			rows = append(rows, m[1])
		}
	}
	known := properties(reflect.TypeFor[specs.Spec](), "")
	if len(known) < 200 {
		t.Fatalf("only %d properties: have the types changed?", len(known))
	}
	used := map[string]bool{}
	for _, p := range known {
		if i := slices.IndexFunc(rows, func(row string) bool { return matches(row, p) }); i < 0 {
			t.Errorf("config.md does not have %s", p)
		} else {
			used[rows[i]] = true
		}
	}
	for _, row := range rows {
		if !used[row] {
			t.Errorf("config.md has %s, which the specification does not have, or twice", row)
		}
	}
	for _, a := range cgroup.UnsafeAnnotations() {
		if !strings.Contains(annotations, "`"+a) {
			t.Errorf("config.md does not have the annotation %s", a)
		}
	}
}

// matches reports whether a row of the page is about a property. A * stands for a part of a name.
func matches(row, property string) bool {
	if row == property {
		return true
	}
	literal := strings.NewReplacer("[", `\[`, "]", `\]`).Replace(row)
	ok, err := path.Match(strings.ReplaceAll(literal, ".", "/"), strings.ReplaceAll(property, ".", "/"))
	return ok && err == nil
}
