package checkpoint

import (
	"errors"
	"testing"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/spec"
)

func TestLabelOptions(t *testing.T) {
	for _, test := range []struct {
		profile, context string
		process          spec.Process
		facts            host.Facts
		field            string // "" if nothing is refused
	}{
		{facts: host.Facts{}},
		{profile: "apparmor:rt-test", facts: host.Facts{AppArmor: true}},
		{profile: "selinux:system_u:system_r:container_t:s0:c1,c2", facts: host.Facts{SELinux: true}},
		{context: "system_u:object_r:container_file_t:s0:c1,c2"},
		{profile: "rt-test", facts: host.Facts{AppArmor: true}, field: "--lsm-profile"},
		{profile: "apparmor:", facts: host.Facts{AppArmor: true}, field: "--lsm-profile"},
		{profile: "smack:floor", facts: host.Facts{AppArmor: true}, field: "--lsm-profile"},
		{profile: "apparmor:a\nb", facts: host.Facts{AppArmor: true}, field: "--lsm-profile"},
		{profile: "selinux:container_t", facts: host.Facts{SELinux: true}, field: "--lsm-profile"},
		{profile: "selinux:u:r:t:s0:c1,,c2", facts: host.Facts{SELinux: true}, field: "--lsm-profile"},
		{profile: "apparmor:rt-test", facts: host.Facts{SELinux: true}, field: "--lsm-profile"},
		{context: "container_file_t", field: "--lsm-mount-context"},
		{context: `u:r:t",nosuid:s0`, field: "--lsm-mount-context"},
		{process: spec.Process{AppArmor: "rt-test"}, field: "process.apparmorProfile"},
		{
			process: spec.Process{SELinuxLabel: "u:r:t"}, facts: host.Facts{AppArmor: true},
			field: "process.selinuxLabel",
		},
	} {
		v := &verifier{
			Bundle:  &Bundle{Spec: &spec.Spec{Process: &test.process}, Facts: &test.facts},
			options: &RestoreOptions{LSMProfile: test.profile, LSMMountContext: test.context},
		}
		err := v.checkLabelOptions()
		e, ok := errors.AsType[*diag.Error](err)
		if ok != (test.field != "") || ok && e.Field != test.field {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestLabelsOfRestoredProcesses(t *testing.T) {
	for _, test := range []struct {
		module, want, has string
		laxer, possible   bool
	}{
		{appArmor, "rt-test", "rt-test (enforce)", false, false},
		{appArmor, "rt-test", "rt-test (complain)", false, false},
		{appArmor, "rt-test", "rt-test//child (enforce)", false, false},
		{appArmor, "rt-test", "other//&rt-test (enforce)", false, false},
		{appArmor, "rt-test", "unconfined", true, false},
		{appArmor, "rt-test", "rt-test-2 (enforce)", true, true},
		{seLinux, "u:r:container_t:s0:c1,c2", "u:r:container_t:s0:c1,c2", false, false},
		{seLinux, "u:r:container_t:s0:c1,c2", "u:r:container_t:s0:c1", true, false},
		{seLinux, "u:r:container_t:s0:c1,c2", "u:r:other_t:s0:c1,c2", true, true},
		{seLinux, "u:r:container_t:s0:c1,c2", "kernel", true, false},
	} {
		laxer, possible := compareLabels(test.module, test.want, test.has)
		if laxer != test.laxer || laxer && possible != test.possible {
			t.Errorf("%+v: laxer %t, possible %t", test, laxer, possible)
		}
	}
}
