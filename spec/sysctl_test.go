package spec

import "testing"

// TestNamesTwice sets the names of the UTS namespace in both ways that there are, to the same.
func TestNamesTwice(t *testing.T) {
	const doc = `{"ociVersion": "1.3.0", "root": {"path": "r"}, "hostname": "a", "domainname": "b",
		"linux": {"namespaces": [{"type": "uts"}],
		"sysctl": {"kernel.hostname": "a", "kernel.domainname": "b"}}}`
	if _, err := Parse([]byte(doc), "/bundle", LoadOptions{}); err != nil {
		t.Error(err)
	}
}
