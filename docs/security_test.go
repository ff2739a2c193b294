package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAttacksHaveTests compares security.md with what there is: the tests that a row of its table names have the row's
// number in them.
func TestAttacksHaveTests(t *testing.T) {
	rows := regexp.MustCompile(`(?m)^\| (CVE-\d+-\d+)[^|]* \|.*\| ([^|]+) \|$`).FindAllStringSubmatch(read(t,
		"security.md"), -1)
	if len(rows) < 20 {
		t.Fatalf("found %d rows: has the form of the table changed?", len(rows))
	}
	listed := make(map[string]bool)
	for _, row := range rows {
		listed[row[1]] = true
		for where := range strings.SplitSeq(row[2], ", ") {
			if !strings.Contains(testsAt(t, where), row[1]) {
				t.Errorf("%s: no test of %s has that number", row[1], where)
			}
		}
	}
	// And the other way: the page names each attack that bats runs.
	bats, err := filepath.Glob("../tests/bats/*.bats")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range bats {
		for _, number := range regexp.MustCompile(`CVE-\d+-\d+`).FindAllString(read(t, file), -1) {
			if !listed[number] && !strings.Contains(read(t, "security.md"), number) {
				t.Errorf("%s attacks with %s, which security.md does not have", filepath.Base(file), number)
			}
		}
	}
}

// testsAt is the text of a bats file, or of the tests of a package.
func testsAt(t *testing.T, where string) (text string) {
	t.Helper()
	if strings.HasSuffix(where, ".bats") {
		return read(t, "../tests/bats/"+where)
	}
	files, err := filepath.Glob("../" + where + "/*_test.go")
	if err != nil || len(files) == 0 {
		t.Errorf("security.md: no tests at %s", where)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	return text
}
