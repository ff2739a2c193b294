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

// TestUnmappedRoot names the id that has no mapping.
func TestUnmappedRoot(t *testing.T) {
	const doc = `{"ociVersion": "1.3.0", "root": {"path": "r"},
		"linux": {"namespaces": [{"type": "user"}, {"type": "mount"}],
		"uidMappings": [{"containerID": 1, "hostID": 1000, "size": 1}],
		"gidMappings": [{"containerID": 0, "hostID": 1000, "size": 1}]}}`
	_, err := Parse([]byte(doc), "/bundle", LoadOptions{})
	const want = "linux.uidMappings: has no mapping for uid 0: the root of the user namespace sets the container up"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
