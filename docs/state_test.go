package docs

import (
	"regexp"
	"strings"
	"testing"
)

// TestStatePageNamesEveryMember compares state.md with the names that package state parses in state.json.
func TestStatePageNamesEveryMember(t *testing.T) {
	page := read(t, "state.md")
	source := read(t, "../libcontainer/state/json.go")
	lists := regexp.MustCompile(`(?s)\w+Names += \[\]string\{(.*?)\}`).FindAllStringSubmatch(source, -1)
	names := 0
	for _, list := range lists {
		for _, m := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(list[1], -1) {
			names++
			if !strings.Contains(page, "`"+m[1]+"`") {
				t.Errorf("state.md does not name the member %q of state.json", m[1])
			}
		}
	}
	const least = 25
	if names < least {
		t.Errorf("found only %d names in libcontainer/state/json.go", names)
	}
}
