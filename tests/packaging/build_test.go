package packaging

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copySources copies the files of the repository, changed ones included, to a directory without its history.
func copySources(t *testing.T, to string) {
	t.Helper()
	list, err := exec.Command("git", "-C", "..", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("the sources are in no git repository: ", err)
	}
	tar := exec.Command("tar", "-C", "..", "--null", "--files-from=-", "--ignore-failed-read",
		"-cf", filepath.Join(to, "s.tar"))
	tar.Stdin = bytes.NewReader(list)
	command(t, tar)
	command(t, exec.Command("tar", "-C", to, "-xf", filepath.Join(to, "s.tar")))
}

func command(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, out)
	}
	return string(out)
}

// TestBinaryIsReproducible builds rt in two directories with different names.
func TestBinaryIsReproducible(t *testing.T) {
	var binaries [2][]byte
	for i, name := range []string{"a", "another-directory"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		copySources(t, dir)
		command(t, exec.Command("make", "-C", dir, "rt", "COMMIT=0123456"))
		var err error
		if binaries[i], err = os.ReadFile(filepath.Join(dir, "rt")); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(binaries[i], []byte(dir)) {
			t.Errorf("the binary has the name of the directory that it was built in")
		}
	}
	if len(binaries[0]) < 1<<20 || !bytes.Equal(binaries[0], binaries[1]) {
		t.Errorf("two builds differ: %d and %d bytes", len(binaries[0]), len(binaries[1]))
	}
}

// TestDebianPackage builds the package, and has lintian examine it.
func TestDebianPackage(t *testing.T) {
	for _, tool := range []string{"lintian", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs ", tool)
		}
	}
	dir := t.TempDir()
	copySources(t, dir)
	command(t, exec.Command("make", "-C", dir, "deb", "COMMIT=0123456",
		"MAINTAINER=A Packager <packager@packages.debian.org>"))
	list, err := filepath.Glob(dir + "/build/*.deb")
	if err != nil || len(list) != 1 {
		t.Fatalf("the packages are %v, %v", list, err)
	}
	if out := command(t, exec.Command("lintian", "--allow-root", "--fail-on=error,warning", list[0])); out != "" {
		t.Error(out)
	}
	content := command(t, exec.Command("dpkg-deb", "--contents", list[0]))
	for _, want := range []string{
		"./usr/bin/rt\n", "man8/rt-run.8.gz", "doc/rt-runtime/security.md", "doc/rt-runtime/changelog.gz", "50-rt.conf",
	} {
		if !strings.Contains(content, want) {
			t.Errorf("the package has no %s", want)
		}
	}
}

// TestOtherPackagesAreOfThisVersion compares the versions that the files for rpm and apk have with rt's.
func TestOtherPackagesAreOfThisVersion(t *testing.T) {
	version, err := os.ReadFile("../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	v := strings.TrimSpace(string(version))
	for file, want := range map[string]string{
		"rpm/rt.spec": "%global rt_version " + v + "}", "alpine/APKBUILD": "pkgver=" + v + "\n",
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("packaging/%s has another version than %s", file, v)
		}
	}
	command(t, exec.Command("sh", "-n", "alpine/APKBUILD"))
}
