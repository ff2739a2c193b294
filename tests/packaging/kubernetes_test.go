package packaging

import (
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// object is what the manifests have of an object of Kubernetes.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name, Namespace string }
	Spec       struct {
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		UpdateStrategy map[string]any `yaml:"updateStrategy"`
		Template       struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
	}
	Handler    string
	Scheduling struct {
		NodeSelector map[string]string `yaml:"nodeSelector"`
	}
}

type podSpec struct {
	NodeSelector      map[string]string `yaml:"nodeSelector"`
	Tolerations       []map[string]string
	HostPID           bool            `yaml:"hostPID"`
	PriorityClassName string          `yaml:"priorityClassName"`
	InitContainers    []containerSpec `yaml:"initContainers"`
	Containers        []containerSpec
	GracePeriod       int `yaml:"terminationGracePeriodSeconds"`
	Volumes           []struct {
		Name     string
		HostPath struct{ Path string } `yaml:"hostPath"`
	}
}

type containerSpec struct {
	Name, Image     string
	Command, Args   []string
	SecurityContext struct{ Privileged bool } `yaml:"securityContext"`
	VolumeMounts    []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
	Resources map[string]map[string]string
}

// manifest reads the objects of a file. A field that is not among those above is a mistake here or there.
func manifest(t *testing.T, file string) (all []object) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	for {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, o)
	}
}

// No API server has taken the manifests yet: this test parses them only.
func TestDaemonSets(t *testing.T) {
	text, err := os.ReadFile("../VERSION")
	if err != nil {
		t.Fatal(err)
	}
	image := "registry.example.org/rt-node:" + strings.TrimSpace(string(text))
	node := map[string]string{"rt-runtime": "installed"}
	for _, command := range []string{"install", "remove"} {
		file := "kubernetes/" + command + ".yaml"
		o := manifest(t, file)[0]
		pod := o.Spec.Template.Spec
		if o.APIVersion != "apps/v1" || o.Kind != "DaemonSet" || o.Metadata.Name != "rt-"+command ||
			!maps.Equal(o.Spec.Selector.MatchLabels, o.Spec.Template.Metadata.Labels) ||
			!maps.Equal(pod.NodeSelector, node) || !pod.HostPID {
			t.Errorf("%s: %+v", file, o)
		}
		all := slices.Concat(pod.InitContainers, pod.Containers)
		for _, c := range all {
			if c.Image != image {
				t.Errorf("%s: the image of %s is %s, and this is %s", file, c.Name, c.Image, image)
			}
		}
		if first := all[0]; !slices.Equal(first.Args, []string{command}) || !first.SecurityContext.Privileged ||
			len(first.VolumeMounts) != 1 || first.VolumeMounts[0].MountPath != "/host" ||
			pod.Volumes[0].HostPath.Path != "/" || pod.Volumes[0].Name != first.VolumeMounts[0].Name {
			t.Errorf("%s: %+v", file, first)
		}
	}
	class := manifest(t, "kubernetes/install.yaml")[1]
	plain := manifest(t, "kubernetes/runtimeclass.yaml")[0]
	if class.Kind != "RuntimeClass" || class.Handler != plain.Handler || class.Metadata.Name != plain.Metadata.Name ||
		!maps.Equal(class.Scheduling.NodeSelector, node) {
		t.Errorf("the class is %+v, and %+v in runtimeclass.yaml", class, plain)
	}
}

// What the Dockerfile copies is there, with rt.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile("kubernetes/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 3 || words[0] != "COPY" {
			continue
		}
		for _, file := range words[1 : len(words)-1] {
			if _, err := os.Stat("../" + file); err != nil && file != "rt" { // which make makes
				t.Error(err)
			}
		}
	}
}

// fakeNode is a directory that stands for a node, and programs that stand for the node's: containerd has read the
// drop-in if the file imports is there, and what is restarted is counted.
type fakeNode struct {
	t    *testing.T
	host string
	own  string // the directory of the image
	env  []string
}

func newFakeNode(t *testing.T) *fakeNode {
	dir := t.TempDir()
	n := &fakeNode{t: t, host: dir + "/host", own: dir + "/own"}
	n.write(dir+"/bin/nsenter", `#!/bin/sh
while [ "$1" != -- ]; do shift; done; shift
case "$*" in
'containerd config dump') [ ! -e '`+dir+`/imports' ] || cat '`+n.host+`/etc/containerd/conf.d/rt.toml' ;;
'systemctl restart containerd') echo restarted >>'`+dir+`/restarts' ;;
*) exit 9 ;;
esac
`)
	n.write(n.own+"/rt", "#!/bin/sh\necho rt version 7\n")
	n.write(dir+"/imports", "")
	for _, file := range []string{"kubernetes/node", "containerd/config-v3.toml"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n.write(n.own+"/"+filepath.Base(file), string(text))
	}
	n.env = append(os.Environ(), "PATH="+dir+"/bin:"+os.Getenv("PATH"), "HOST="+n.host)
	return n
}

func (n *fakeNode) write(path, text string) {
	n.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
		n.t.Fatal(err)
	}
}

// run calls the script, and returns what it says and whether it succeeds.
func (n *fakeNode) run(command string) (string, bool) {
	n.t.Helper()
	cmd := exec.Command(n.own+"/node", command)
	cmd.Env = n.env
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func (n *fakeNode) restarts() int {
	text, _ := os.ReadFile(filepath.Dir(n.host) + "/restarts")
	return strings.Count(string(text), "restarted")
}

func TestNode(t *testing.T) {
	n := newFakeNode(t)
	rt, config := n.host+installed, n.host+"/etc/containerd/conf.d/rt.toml"
	if out, ok := n.run("status"); ok {
		t.Errorf("nothing is there, and status says %s", out)
	}
	// Containerd does not read the file: nothing of it stays.
	if err := os.Remove(filepath.Dir(n.host) + "/imports"); err != nil {
		t.Fatal(err)
	}
	if out, ok := n.run("install"); ok || !strings.Contains(out, `imports = ["/etc/containerd/conf.d/*.toml"]`) {
		t.Errorf("install says %s", out)
	}
	if _, err := os.Stat(config); err == nil || n.restarts() != 0 {
		t.Errorf("a configuration that is not read stays, or containerd is restarted %d times", n.restarts())
	}
	n.write(filepath.Dir(n.host)+"/imports", "")
	for range 2 { // the second time there is nothing to do
		if out, ok := n.run("install"); !ok {
			t.Fatalf("install says %s", out)
		}
	}
	if n.restarts() != 1 {
		t.Errorf("containerd is restarted %d times", n.restarts())
	}
	// A newer rt replaces the old one, whose file whoever runs it keeps; containerd need not know.
	old, err := os.Open(rt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = old.Close() }()
	n.write(n.own+"/rt", "#!/bin/sh\necho rt version 8\n")
	if out, ok := n.run("install"); !ok || n.restarts() != 1 {
		t.Errorf("install says %s, and containerd is restarted %d times", out, n.restarts())
	}
	if text, err := io.ReadAll(old); err != nil || !strings.Contains(string(text), "version 7") {
		t.Errorf("the rt that was open is %q, %v", text, err)
	}
	// It is needed as long as a container has it.
	used := n.host + "/run/containerd/io.containerd.runtime.v2.task/k8s.io/0123/runtime"
	n.write(used, installed)
	if out, ok := n.run("remove"); ok || !strings.Contains(out, "0123") {
		t.Errorf("remove says %s", out)
	}
	n.write(used, "/usr/sbin/runc")
	if out, ok := n.run("remove"); !ok || n.restarts() != 2 {
		t.Errorf("remove says %s, and containerd is restarted %d times", out, n.restarts())
	}
	for _, file := range []string{rt, config} {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s is still there", file)
		}
	}
}
