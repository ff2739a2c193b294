package spec

import (
	"bytes"
	"reflect"
	"testing"
)

func TestDefaultIsValid(t *testing.T) {
	for name, o := range map[string]DefaultOptions{
		"default":          {},
		"default-cgroup":   {CgroupNamespace: true},
		"default-rootless": {Rootless: true, UID: 1000, GID: 100, CgroupNamespace: true},
	} {
		t.Run(name, func(t *testing.T) {
			oci := Default(o)
			var out bytes.Buffer
			if err := Write(&out, oci); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", out.String())
			s, err := Parse(out.Bytes(), "/bundle", LoadOptions{Unknown: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(s.Warnings) > 0 || len(s.Unknown) > 0 {
				t.Errorf("warnings %v, unknown %v", s.Warnings, s.Unknown)
			}
			if !reflect.DeepEqual(s.OCI, oci) {
				t.Error("what was written reads differently")
			}
		})
	}
}
