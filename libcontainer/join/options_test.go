package join

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"rt/spec"
)

const execConfig = `{"ociVersion": "1.3.0", "root": {"path": "/r"}, "process": {"args": ["init"],
	"cwd": "/srv", "env": ["A=1"], "terminal": true,
	"user": {"uid": 5, "gid": 6, "umask": 63, "additionalGids": [7]}, "oomScoreAdj": 8, "noNewPrivileges": true,
	"rlimits": [{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 9}],
	"capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"], "effective": ["CAP_KILL"],
		"inheritable": ["CAP_CHOWN"]}}}`

// What the command line does not say of the process is as in the config; what the options change does not change the
// config.
func TestExecProcessFromTheCommandLine(t *testing.T) {
	config, err := spec.Parse([]byte(execConfig), "/b", spec.LoadOptions{})
	must(t, err)
	uid, no := uint32(50), false
	o := &ProcessOptions{
		Args: []string{"app"}, Env: []string{"B=2", "A=3"}, UID: &uid, AdditionalGids: []uint32{70}, NoNewPrivs: &no,
		Capabilities: 1<<unix.CAP_CHOWN | 1<<unix.CAP_SYS_ADMIN,
	}
	p, err := o.Process(config)
	must(t, err)
	if p.Terminal || p.Cwd != "/srv" || p.UID != 50 || p.GID != 6 || p.NoNewPrivs || p.Umask != 63 ||
		*p.OOMScoreAdj != 8 || len(p.Rlimits) != 1 {
		t.Errorf("got %+v", p)
	}
	if !reflect.DeepEqual(p.Env, []string{"A=3", "B=2"}) || !reflect.DeepEqual(p.Groups, []uint32{7, 70}) ||
		!reflect.DeepEqual(p.Args, []string{"app"}) {
		t.Errorf("env %q, groups %d, args %q", p.Env, p.Groups, p.Args)
	}
	const kill, chown, admin = 1 << unix.CAP_KILL, 1 << unix.CAP_CHOWN, 1 << unix.CAP_SYS_ADMIN
	want := spec.Capabilities{
		Bounding: kill | chown | admin, Permitted: kill | chown | admin, Effective: kill | chown | admin,
		Inheritable: chown, Ambient: chown,
	}
	if *p.Capabilities != want {
		t.Errorf("capabilities %+v, want %+v", *p.Capabilities, want)
	}
	if c := config.Process; len(c.Env) != 1 || c.Capabilities.Bounding != kill || len(c.OCI.User.AdditionalGids) != 1 {
		t.Errorf("the config has changed: %+v", c)
	}
}

// A process.json says all of itself, but what it leaves out of rights and limits must not be more than the container
// has.
func TestExecProcessFromAFile(t *testing.T) {
	config, err := spec.Parse([]byte(execConfig), "/b", spec.LoadOptions{})
	must(t, err)
	file := filepath.Join(t.TempDir(), "process.json")
	must(t, os.WriteFile(file, []byte(`{"args": ["app"], "cwd": "/", "user": {"uid": 0, "gid": 0}}`), 0o600))
	p, err := (&ProcessOptions{File: file}).Process(config)
	must(t, err)
	if p.UID != 0 || p.GID != 0 || len(p.Groups) != 0 || p.Cwd != "/" || len(p.Env) != 0 || p.Terminal || p.NoNewPrivs {
		t.Errorf("not as the file has it: %+v", p)
	}
	if *p.Capabilities != *config.Process.Capabilities || len(p.Rlimits) != 1 || *p.OOMScoreAdj != 8 || p.Umask != 63 {
		t.Errorf("not as the config has it: %+v", p)
	}
	if _, err := (&ProcessOptions{File: file + "x"}).Process(config); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
