package packaging

import (
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bom is what the tests read of an SBOM.
type bom struct {
	BomFormat, SpecVersion, SerialNumber string
	Metadata                             struct {
		Timestamp string
		Component struct {
			Name, Version string
			Hashes        []struct{ Alg, Content string }
		}
	}
	Components   []struct{ Name, Version, PURL string }
	Dependencies []struct {
		Ref       string
		DependsOn []string
	}
}

// TestRelease makes a release twice, in directories with different names, and examines what it consists of.
func TestRelease(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb, which makes packages")
	}
	var sums [2]string
	dir := ""
	for i, name := range []string{"a", "another-directory"} {
		sources := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(sources, 0o755); err != nil {
			t.Fatal(err)
		}
		copySources(t, sources)
		release := exec.Command("make", "-C", sources, "release", "COMMIT=0123456", "MAINTAINER=A <a@example.org>")
		release.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1764374400")
		command(t, release)
		dir = filepath.Join(sources, "build", "release")
		text, err := os.ReadFile(dir + "/SHA256SUMS")
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = string(text)
	}
	if sums[0] != sums[1] {
		t.Errorf("two releases differ:\n%s\n%s", sums[0], sums[1])
	}
	version := releasedVersion(t)
	listed := strings.Fields(sums[0])
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		name := "rt-" + version + "-linux-" + arch
		for _, file := range []string{
			name, name + ".tar.gz", name + ".cdx.json", "rt-runtime_" + version + "_" + arch + ".deb",
		} {
			if !slices.Contains(listed, file) {
				t.Errorf("SHA256SUMS lacks %s", file)
			}
		}
		checkStatic(t, dir+"/"+name, machine)
		checkSBOM(t, dir+"/"+name, version)
		list := command(t, exec.Command("tar", "-tvzf", dir+"/"+name+".tar.gz"))
		for _, want := range []string{
			" usr/bin/rt\n", " usr/share/man/man8/rt-mount.8\n", " usr/share/doc/rt-runtime/LICENSE\n",
			" usr/share/zsh/site-functions/_rt\n", " etc/containers/containers.conf.d/50-rt.conf\n",
		} {
			if !strings.Contains(list, want) {
				t.Errorf("the archive for %s lacks%s", arch, want)
			}
		}
		if strings.Contains(list, "root/") || !strings.Contains(list, " 0/0 ") {
			t.Errorf("the archive for %s does not belong to root by number: %.200s", arch, list)
		}
		field := command(t, exec.Command("dpkg-deb", "--field", dir+"/rt-runtime_"+version+"_"+arch+".deb",
			"Architecture"))
		if field != arch+"\n" {
			t.Errorf("the package for %s is for %s", arch, field)
		}
	}
	check := exec.Command("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
	check.Dir = dir
	command(t, check)
}

func releasedVersion(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// checkStatic checks that an executable is for a machine, and needs no other file.
func checkStatic(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != machine {
		t.Errorf("%s is for %v", path, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s is not static: it has a %v", path, p.Type)
		}
	}
}

// checkSBOM compares the SBOM of an executable with what Go's tools say of the executable.
func checkSBOM(t *testing.T, path, version string) {
	t.Helper()
	text, err := os.ReadFile(path + ".cdx.json")
	if err != nil {
		t.Fatal(err)
	}
	var b bom
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	own := b.Metadata.Component
	if b.BomFormat != "CycloneDX" || b.SpecVersion != "1.6" || own.Name != "rt" || own.Version != version ||
		b.Metadata.Timestamp != "2025-11-29T00:00:00Z" || len(own.Hashes) != 1 ||
		own.Hashes[0].Content != hex.EncodeToString(sum[:]) ||
		!strings.HasPrefix(b.SerialNumber, "urn:uuid:") || len(b.SerialNumber) != len("urn:uuid:")+36 {
		t.Errorf("the SBOM is about something else: %+v", b)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for _, m := range info.Deps {
		want = append(want, m.Path+"@"+m.Version)
	}
	for _, c := range b.Components {
		if c.PURL != "pkg:golang/"+c.Name+"@"+c.Version {
			t.Errorf("the package URL of %s is %s", c.Name, c.PURL)
		}
		if c.Name != "std" {
			got = append(got, c.Name+"@"+c.Version)
		}
	}
	if len(want) < 5 || !slices.Equal(got, want) || len(b.Dependencies) != 1 ||
		len(b.Dependencies[0].DependsOn) != len(want)+1 {
		t.Errorf("the SBOM has %v, the executable %v", got, want)
	}
}
