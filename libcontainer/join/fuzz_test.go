package join

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/libcontainer/plan"
	"rt/nsenter"
	"rt/spec"
)

// FuzzExec joins a container with a process.json and options: what is accepted compiles to a plan that keeps the rules
// and can be laid out, or this host refuses it with words; and the process gets no capability, and loses no
// no_new_privs, that neither document nor an option names.
func FuzzExec(f *testing.F) {
	files, _ := filepath.Glob("../../spec/testdata/corpus/*.json")
	var configs [][]byte
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if !strings.HasPrefix(filepath.Base(file), "exec-") {
			configs = append(configs, raw)
		}
	}
	if len(configs) < 15 {
		f.Fatalf("only %d configs in the corpus", len(configs))
	}
	configs = append(configs, []byte(execConfig))
	for i, file := range files {
		if raw, err := os.ReadFile(file); err == nil && strings.HasPrefix(filepath.Base(file), "exec-") {
			f.Add(raw, "app -v", "A=1", uint16(i), uint64(i)<<12, uint32(i))
		}
	}
	f.Add([]byte(`{"args": ["a"], "cwd": "/"}`), "", "", uint16(0), uint64(1), uint32(0xffffffff))
	f.Fuzz(func(t *testing.T, raw []byte, args, env string, which uint16, capabilities uint64, how uint32) {
		config, err := spec.Parse(configs[int(which)%len(configs)], "/b", spec.LoadOptions{})
		if err != nil || config.Process == nil {
			return
		}
		has := func(bit int) bool { return how&(1<<bit) != 0 }
		o := &ProcessOptions{
			Args: strings.Fields(args), Env: strings.Fields(env), Terminal: has(0),
			Capabilities: capabilities & (1<<(unix.CAP_LAST_CAP+1) - 1),
		}
		if has(1) {
			id := how >> 8
			o.UID, o.GID, o.AdditionalGids = &id, &id, []uint32{id, id + 1}
		}
		if has(2) {
			o.Label, o.AppArmor = "u:r:t:s0", "profile"
		}
		p, err := o.fromDocument(raw, config.Process)
		if err != nil {
			requireWords(t, err)
			return
		}
		requireNoGain(t, p, raw, config.Process, o.Capabilities)
		facts := host.Facts{
			Features: host.Feature(capabilities), Caps: 1<<(unix.CAP_LAST_CAP+1) - 1, MayMount: true,
			CapLast: unix.CAP_LAST_CAP, AppArmor: has(3), SELinux: has(4),
		}
		x := &plan.ExecOptions{Process: p, Namespaces: config.Namespaces.New, HostBinary: has(6)}
		x.CgroupFD, x.NoNewKeyring = has(5) && has(7), has(8)
		compiled, err := plan.CompileExec(config, &facts, x)
		if err != nil {
			requireWords(t, err)
			return
		}
		if _, err := nsenter.Assemble(&compiled.Program); err != nil {
			t.Fatal(err)
		}
	})
}

// requireWords checks the error of a document, an option, or a host.
func requireWords(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Problem == "" || strings.Contains(e.Problem, "breaks its rule") {
		t.Fatal(err)
	}
}

// requireNoGain compares the capabilities of a process with those of whoever names them.
func requireNoGain(t *testing.T, p *spec.Process, raw []byte, config *spec.Process, options uint64) {
	t.Helper()
	own, err := spec.LoadProcess(raw)
	if err != nil {
		t.Fatal(err)
	}
	all := func(c *spec.Capabilities) uint64 {
		if c == nil {
			return 0
		}
		return c.Bounding | c.Effective | c.Permitted | c.Inheritable | c.Ambient
	}
	named := all(own.Capabilities) | options
	if own.Capabilities == nil {
		named |= all(config.Capabilities)
	}
	if more := all(p.Capabilities) &^ named; more != 0 {
		t.Errorf("capabilities %x that nobody names", more)
	}
	if own.NoNewPrivs && !p.NoNewPrivs {
		t.Error("no_new_privs is lost")
	}
}
