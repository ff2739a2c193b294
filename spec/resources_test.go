package spec

import "testing"

// Before 1.3 engines wrote 0 for no limit; from then on it is one.
func TestPidsLimitOfZero(t *testing.T) {
	for version, want := range map[string]int64{
		"1.0.0": -1, "1.0.2-dev": -1, "1.2.1": -1, "1.3.0": 0,
		"1.3.1-rc.1": 0,
	} {
		s, err := Parse(merged(t, `{"ociVersion": "`+version+`", "linux": {"resources": {"pids": {"limit": 0}}}}`),
			"/bundle", LoadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := *s.OCI.Linux.Resources.Pids.Limit; got != want {
			t.Errorf("%s: %d, not %d", version, got, want)
		}
	}
}

// A limit that is not 0 is what it is in every version.
func TestPidsLimit(t *testing.T) {
	s, err := Parse(merged(t, `{"ociVersion": "1.0.2", "linux": {"resources": {"pids": {"limit": 7}}}}`), "/bundle",
		LoadOptions{})
	if err != nil || *s.OCI.Linux.Resources.Pids.Limit != 7 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestUpdateOfZeroSaysNothing(t *testing.T) {
	r, err := ParseResources([]byte(`{"pids": {"limit": 0}}`))
	if err != nil || r.Pids != nil {
		t.Errorf("0 became %+v, %v", r.Pids, err)
	}
	r, err = ParseResources([]byte(`{"pids": {"limit": -1}}`))
	if err != nil || r.Pids == nil || *r.Pids.Limit != -1 {
		t.Errorf("-1 became %+v, %v", r.Pids, err)
	}
}
