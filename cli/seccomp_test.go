package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/seccomp"
)

const profileText = `{"defaultAction": "SCMP_ACT_ERRNO", 
	"architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
	{"names": ["read", "frobnicate"], "action": "SCMP_ACT_ALLOW"},
	{"names": ["clone"], "action": "SCMP_ACT_ALLOW",
		"args": [{"index": 0, "value": 268435456, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}]}`

// writeText writes a file and returns its path.
func writeText(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSeccompCheck(t *testing.T) {
	dir := t.TempDir()
	profile := writeText(t, filepath.Join(dir, "profile.json"), profileText)
	writeText(t, filepath.Join(dir, "config.json"), `{"ociVersion": "1.3.0", "linux": {"seccomp": `+profileText+`}}`)
	for _, test := range []struct{ args, want string }{
		{"read 1 2", "read(1, 2): SCMP_ACT_ALLOW\n  linux.seccomp.syscalls[0]: every read\n"},
		{"clone 0x10000000", "SCMP_ACT_ERRNO(EPERM)\n"},
		{"clone 0x00000011", "SCMP_ACT_ALLOW\n  linux.seccomp.syscalls[1]"},
		{"-- clone -1", "clone(-1): SCMP_ACT_ERRNO(EPERM)\n"},
		{"clone CLONE_NEWUSER", "clone(CLONE_NEWUSER): SCMP_ACT_ERRNO(EPERM)\n"},
		{"clone SIGCHLD|CLONE_VM", "clone(SIGCHLD|CLONE_VM): SCMP_ACT_ALLOW\n"},
		{"999", "999(): SCMP_ACT_ERRNO(ENOSYS)\n"},
		{"--call-arch SCMP_ARCH_X86 3", "3(): SCMP_ACT_ALLOW\n"},
		{"--call-arch SCMP_ARCH_ARM 3", "3(): SCMP_ACT_KILL_THREAD\n"},
	} {
		for _, path := range []string{profile, dir} {
			words := append([]string{"seccomp", "--arch", "amd64", "check", path}, strings.Fields(test.args)...)
			if out, errs, status := rt(t, words...); status != 0 || !strings.Contains(out, test.want) ||
				!strings.Contains(out, " instructions\n") {
				t.Errorf("%s: status %d, %s%s", test.args, status, out, errs)
			}
		}
	}
}

func TestSeccompDiff(t *testing.T) {
	dir := t.TempDir()
	profile := writeText(t, filepath.Join(dir, "a.json"), profileText)
	other := writeText(t, filepath.Join(dir, "b.json"), strings.Replace(profileText, `"read"`, `"read", "mount"`, 1))
	if out, errs, _ := rt(t, "seccomp", "diff", profile, profile); out != "the profiles do the same\n" {
		t.Errorf("the same: %s%s", out, errs)
	}
	const want = "mount\n- SCMP_ACT_ERRNO(ENOSYS)\n+ SCMP_ACT_ALLOW\n"
	if out, errs, _ := rt(t, "seccomp", "--arch", "amd64", "diff", profile, other); out != want {
		t.Errorf("got %s%s", out, errs)
	}
}

func TestSeccompCompile(t *testing.T) {
	profile := writeText(t, filepath.Join(t.TempDir(), "profile.json"), profileText)
	for machine, name := range map[string]string{"amd64": "amd64", "SCMP_ARCH_AARCH64": "arm64"} {
		out, errs, status := rt(t, "seccomp", "compile", "--arch", machine, profile)
		if status != 0 || !strings.Contains(out, " instructions by "+seccomp.Backend()+" for "+name+", ") ||
			!strings.Contains(out, "on average") ||
			!strings.Contains(out, "linux.seccomp.syscalls[1]\n") ||
			!strings.Contains(errs, `"frobnicate"`) {
			t.Errorf("%s: status %d\n%s%s", machine, status, out, errs)
		}
	}
}

func TestSeccompMistakes(t *testing.T) {
	dir := t.TempDir()
	profile := writeText(t, filepath.Join(dir, "profile.json"), profileText)
	for _, test := range []struct{ args, want string }{
		{"compile", "requires exactly 1 argument(s): <profile>"},
		{"chek " + profile, `did you mean "check"?`},
		{"compile " + profile + " read", "requires exactly 1 argument(s): <profile>"},
		{"compile --call-arch SCMP_ARCH_X86 " + profile, "--call-arch is for check"},
		{"check " + profile, "requires a minimum of 2 argument(s): <profile> <call> [argument...]"},
		{"compile --arch vax " + profile, `--arch "vax"`},
		{"check --call-arch vax " + profile + " read", `architecture "vax"`},
		{"check " + profile + " raed", `call "raed"`},
		{"check " + profile + " read x", `argument "x"`},
		{"check " + profile + " read O_RDONLY|O_CLOEXE", `did you mean "O_CLOEXEC"?`},
		{"check " + profile + " read 1 2 3 4 5 6 7", "at most 6"},
		{"compile " + dir + "/none", "no such file"},
		{"compile " + writeText(t, dir+"/text", "not JSON"), "is not a profile"},
		{"compile " + writeText(t, dir+"/plain", `{"ociVersion": "1.3.0"}`), "without linux.seccomp"},
		{"compile " + writeText(t, dir+"/engine", `{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [{}]}`), "archMap"},
		{
			"compile " + writeText(t, dir+"/wrong", `{"defaultAction": "SCMP_ACT_BLESS"}`),
			`linux.seccomp.defaultAction "SCMP_ACT_BLESS"`,
		},
	} {
		_, errs, status := rt(t, append([]string{"seccomp"}, strings.Fields(test.args)...)...)
		if status != 1 || !strings.Contains(errs, test.want) {
			t.Errorf("%s: status %d, %s", test.args, status, errs)
		}
	}
}

func TestRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "profile.json")
	var r *seccomp.Recorder
	c := new(Call)
	const amd64, unused = 0xc000003e, 4000
	err := recorded(c, path, &r, func() error {
		r.Add(amd64, 0) // read(2)
		r.Add(amd64, unused)
		return nil
	})
	text, _ := os.ReadFile(path)
	var p specs.LinuxSeccomp
	if err != nil || json.Unmarshal(text, &p) != nil || p.DefaultAction != specs.ActErrno || len(p.Syscalls) != 1 ||
		len(p.Syscalls[0].Names) != 1 {
		t.Errorf("%v: %s", err, text)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "call 4000 of SCMP_ARCH_X86_64") {
		t.Errorf("warnings: %q", c.Warnings)
	}
	failure := errors.New("the container failed")
	if err := recorded(c, path, &r, func() error { return failure }); err != failure {
		t.Error(err)
	}
	if again, _ := os.ReadFile(path); string(again) != string(text) {
		t.Errorf("a failed run has changed the profile to %s", again)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// A filter compares 64 bits, and C passes an int in 32: a profile that has the one of the two says something else of
// the other.
func TestNegativeArgumentsOfCheck(t *testing.T) {
	profile := writeText(t, filepath.Join(t.TempDir(), "p"), `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{
		"names": ["openat"], "action": "SCMP_ACT_ALLOW",
		"args": [{"index": 0, "value": 4294967196, "op": "SCMP_CMP_EQ"}]}]}`)
	const other = "in 32 bits, as C does for an int: SCMP_ACT_ALLOW\n  linux.seccomp.syscalls[0]"
	for arg, want := range map[string]bool{"AT_FDCWD": true, "-1": false, "3": false, "0xffffff9c": false} {
		out, errs, status := rt(t, "seccomp", "check", profile, "openat", arg)
		if status != 0 || strings.Contains(out, other) != want {
			t.Errorf("%s: status %d, %s%s", arg, status, out, errs)
		}
	}
}
