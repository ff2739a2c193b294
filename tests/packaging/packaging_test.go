// Package packaging reads the files of the directory packaging as the engines do that they make rt known to;
// docs/engines.md says which goes where. It is a module of its own: nothing else needs TOML and YAML.
package packaging

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
)

// The files, and the Makefile above them, are named from where they are.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../packaging"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// installed is where `make install` puts rt unless it is told otherwise.
const installed = "/usr/local/bin/rt"

// containersConf is what Podman and Buildah know of containers.conf (containers.conf(5)).
type containersConf struct {
	Engine struct {
		SupportsJSON      []string            `toml:"runtime_supports_json"`
		SupportsNoCgroups []string            `toml:"runtime_supports_nocgroup"`
		Runtimes          map[string][]string `toml:"runtimes"`
	} `toml:"engine"`
}

// containerdConf is a configuration of containerd: each plugin has its own.
type containerdConf struct {
	Version int `toml:"version"`
	Plugins map[string]struct {
		Containerd struct {
			Runtimes map[string]struct {
				Type    string `toml:"runtime_type"`
				Options struct {
					BinaryName    string
					SystemdCgroup bool
				} `toml:"options"`
			} `toml:"runtimes"`
		} `toml:"containerd"`
	} `toml:"plugins"`
}

// crioConf is a drop-in of CRI-O (crio.conf(5)).
type crioConf struct {
	Crio struct {
		Runtime struct {
			Runtimes map[string]struct {
				Path string `toml:"runtime_path"`
				Type string `toml:"runtime_type"`
				Root string `toml:"runtime_root"`
			} `toml:"runtimes"`
		} `toml:"runtime"`
	} `toml:"crio"`
}

// readTOML decodes a file. A key that the engine does not know would silently have no effect there.
func readTOML(t *testing.T, file string, to any) {
	t.Helper()
	meta, err := toml.DecodeFile(file, to)
	if err != nil {
		t.Fatal(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		t.Errorf("%s: %v is nothing that the engine knows", file, unknown)
	}
}

func TestPodman(t *testing.T) {
	var c containersConf
	readTOML(t, "containers/50-rt.conf", &c)
	checkPodman(t, &c, installed)
}

func checkPodman(t *testing.T, c *containersConf, path string) {
	t.Helper()
	if got := c.Engine.Runtimes["rt"]; !slices.Equal(got, []string{path}) {
		t.Errorf("rt is at %q, want %s", got, path)
	}
	for _, list := range [][]string{c.Engine.SupportsJSON, c.Engine.SupportsNoCgroups} {
		// The lists replace the built-in ones: who has crun must not lose what it can do.
		if !slices.Contains(list, "rt") || !slices.Contains(list, "crun") || !slices.Contains(list, "krun") {
			t.Errorf("the list %q lacks rt, or one that Podman knows by itself", list)
		}
	}
}

func TestDocker(t *testing.T) {
	text, err := os.ReadFile("docker/daemon.json")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Runtimes map[string]struct {
			Path string `json:"path"`
		} `json:"runtimes"`
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields() // dockerd does not start with an option that it does not know
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if got := c.Runtimes["rt"].Path; got != installed {
		t.Errorf("rt is at %q", got)
	}
}

func TestContainerd(t *testing.T) {
	for file, want := range map[string]struct {
		version int
		plugin  string
	}{
		"containerd/config-v2.toml": {2, "io.containerd.grpc.v1.cri"},
		"containerd/config-v3.toml": {3, "io.containerd.cri.v1.runtime"},
	} {
		var c containerdConf
		readTOML(t, file, &c)
		r, ok := c.Plugins[want.plugin].Containerd.Runtimes["rt"]
		if c.Version != want.version || !ok || r.Type != "io.containerd.runc.v2" || r.Options.BinaryName != installed {
			t.Errorf("%s: %+v", file, c)
		}
	}
}

func TestCRIO(t *testing.T) {
	var c crioConf
	readTOML(t, "crio/50-rt.conf", &c)
	if r := c.Crio.Runtime.Runtimes["rt"]; r.Path != installed || r.Type != "oci" || r.Root != "/run/rt" {
		t.Errorf("%+v", r)
	}
}

func TestBuildKit(t *testing.T) {
	var c struct {
		Worker struct {
			OCI struct {
				Binary string `toml:"binary"`
			} `toml:"oci"`
		} `toml:"worker"`
	}
	readTOML(t, "buildkit/buildkitd.toml", &c)
	if c.Worker.OCI.Binary != installed {
		t.Errorf("rt is at %q", c.Worker.OCI.Binary)
	}
}

// The handler of the class is the name of the runtime in the files for containerd and CRI-O.
func TestRuntimeClass(t *testing.T) {
	text, err := os.ReadFile("kubernetes/runtimeclass.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Handler    string
	}
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	if c.APIVersion != "node.k8s.io/v1" || c.Kind != "RuntimeClass" || c.Metadata.Name != "rt" || c.Handler != "rt" {
		t.Errorf("%+v", c)
	}
}

// What `make install` installs is all there, and the drop-in names the rt that came with it.
func TestInstall(t *testing.T) {
	if _, err := os.Stat("../Makefile"); err != nil { // and nor for that of another Makefile
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../man/*.8")
	if err != nil || len(pages) < 15 {
		t.Fatalf("found %d manual pages: have they moved?", len(pages))
	}
	for _, prefix := range []string{"/usr/local", "/opt/r"} {
		dest := t.TempDir()
		args := []string{"-C", "..", "install", "DESTDIR=" + dest}
		if prefix+"/bin/rt" != installed {
			args = append(args, "PREFIX="+prefix)
		}
		if out, err := exec.Command("make", args...).CombinedOutput(); err != nil {
			t.Fatalf("make %v: %v\n%s", args, err, out)
		}
		wanted := []string{
			prefix + "/bin/rt", prefix + "/share/bash-completion/completions/rt", prefix +
				"/share/zsh/site-functions/_rt",
			"/etc/fish/completions/rt.fish", "/etc/containers/containers.conf.d/50-rt.conf",
		}
		for _, p := range pages {
			wanted = append(wanted, prefix+"/share/man/man8/"+filepath.Base(p))
		}
		slices.Sort(wanted)
		if got := files(t, dest); !slices.Equal(got, wanted) {
			t.Errorf("installed is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
		}
		var c containersConf
		readTOML(t, dest+"/etc/containers/containers.conf.d/50-rt.conf", &c)
		checkPodman(t, &c, prefix+"/bin/rt")
		out, err := exec.Command(dest+prefix+"/bin/rt", "--version").Output()
		if err != nil || !strings.HasPrefix(string(out), "rt version ") {
			t.Errorf("the rt that was installed says %q, %v", out, err)
		}
	}
}

// The package has what make install installs, and says so to dpkg.
func TestDeb(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("no dpkg-deb, which makes packages")
	}
	if out, err := exec.Command("make", "-C", "..", "deb").CombinedOutput(); err != nil {
		t.Fatalf("make deb: %v\n%s", err, out)
	}
	text, err := os.ReadFile("../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	version := strings.TrimSpace(string(text))
	packages, err := filepath.Glob("../build/rt-runtime_" + version + "_*.deb")
	if err != nil || len(packages) != 1 {
		t.Fatalf("made %v, %v", packages, err)
	}
	dest := t.TempDir()
	if out, err := exec.Command("dpkg-deb", "--extract", packages[0], dest).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var c containersConf
	readTOML(t, dest+"/etc/containers/containers.conf.d/50-rt.conf", &c)
	checkPodman(t, &c, "/usr/bin/rt")
	if out, err := exec.Command(dest+"/usr/bin/rt", "--version").Output(); err != nil ||
		!strings.HasPrefix(string(out), "rt version "+version+"\n") {
		t.Errorf("the rt of the package says %q, %v", out, err)
	}
	fields, err := exec.Command("dpkg-deb", "--field", packages[0], "Package", "Version").Output()
	if err != nil || string(fields) != "Package: rt-runtime\nVersion: "+version+"\n" {
		t.Errorf("dpkg knows it as %q, %v", fields, err)
	}
}

// files lists the files below dir that have something in them.
func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			list = append(list, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	return list
}
