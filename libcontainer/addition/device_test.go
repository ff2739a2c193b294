package addition

import (
	"testing"

	"rt/libcontainer/state"
)

// TestRules parses rules as the state.json of existing containers has them.
func TestRules(t *testing.T) {
	rules := Rules([]state.Added{
		{Destination: "/data"}, {Device: "c 10:229 rw"}, {Device: "b 7:x m"}, {Device: "c 10"},
	})
	if len(rules) != 1 {
		t.Fatalf("%d rules, want 1", len(rules))
	}
	if r := &rules[0]; !r.Allow || r.Type != "c" || *r.Major != 10 || *r.Minor != 229 || r.Access != "rw" {
		t.Errorf("parsed as %+v, %d:%d", r, *r.Major, *r.Minor)
	}
}
