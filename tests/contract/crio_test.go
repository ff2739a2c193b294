package contract

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCRIO(t *testing.T) { keep(t, crio) }

// crio are pods as CRI-O has them. There is no CRI-O to try rt with (docs/engines.md), but conmon, which makes the
// containers for it: the lines that are sent here were written down by a program that conmon 2.1.6 took for the
// runtime, when it was called as CRI-O does (internal/oci/runtime_oci.go).
var crio = []contract{
	{
		"create, as conmon does it", "CRI-O and Podman (conmon, runtime_args.c)", "no container is made",
		func(_ *testing.T, e *engine) {
			for _, options := range [][]string{{}, {"--no-pivot"}, {"--no-new-keyring"}} {
				e.silent(e.create(options...))
				e.ok("start", "c1")
				e.stopped()
				e.ok("delete", "c1")
			}
		},
	},
	{
		"create with a terminal, as conmon does it", "CRI-O and Podman (conmon, runtime_args.c)",
		"kubectl run -it shows nothing",
		func(_ *testing.T, e *engine) {
			e.process("sh", "-c", "read line; echo got $line; exec sleep 60")
			e.edit(func(_, process map[string]any) { process["terminal"] = true })
			s := e.listen("conmon-term.CMEDZ3")
			e.silent(e.create("--console-socket", s.path))
			_, master := s.receive()
			e.ok("start", "c1")
			talk(e, master, "hello\n", "got hello")
		},
	},
	{
		"exec, as conmon does it", "CRI-O (ExecSyncContainer)", "probes by exec fail, and the pod is restarted",
		func(t *testing.T, e *engine) {
			e.silent(e.create())
			e.ok("start", "c1")
			e.silent(e.rt("--root="+e.root, "exec", "--pid-file", e.dir+"/exec-pid", "--process",
				e.file("process.json", processFile), "--detach", "c1"))
			if pid, err := pidOf(e.dir + "/exec-pid"); err != nil || pid <= 0 {
				t.Errorf("exec's pid file: %d, %v", pid, err)
			}
			s := e.listen("conmon-term.8I9BZ3")
			text := strings.Replace(processFile, `["sleep", "60"]`, `["sh", "-c", "read line; echo got $line"]`, 1)
			e.silent(e.rt("--root="+e.root, "exec", "--pid-file", e.dir+"/exec-pid", "--process",
				e.file("process.json", strings.Replace(text, `"terminal": false`, `"terminal": true`, 1)), "--detach",
				"--tty", "--console-socket", s.path, "c1"))
			_, master := s.receive()
			talk(e, master, "hello\n", "got hello")
		},
	},
	{
		"restore, as conmon does it", "CRI-O and Podman (conmon, runtime_args.c)", "the caller does not learn why",
		func(t *testing.T, e *engine) {
			// What is wrong is the image, or that there is no CRIU to read one.
			want := "--image-path"
			if _, err := exec.LookPath("criu"); err != nil {
				want = "criu"
			}
			r := e.rt("--root="+e.root, "restore", "--bundle", e.bundle, "--pid-file", e.dir+"/pidfile", "--detach",
				"--image-path", e.dir+"/none", "--work-path", e.bundle, "c1")
			if r.status == 0 || !strings.Contains(r.stderr, want) {
				t.Error(r)
			}
		},
	},
	{
		"a pod: its pause container, one that joins it, and the end of both",
		"CRI-O (server/sandbox_run_linux.go, container_create_linux.go)", "no pod runs, or it can't be stopped",
		pod,
	},
}

// create sends conmon's create.
func (e *engine) create(options ...string) result {
	e.t.Helper()
	args := []string{"--root=" + e.root, "create", "--bundle", e.bundle, "--pid-file", e.bundle + "/pidfile"}
	return e.rt(append(append(args, options...), "c1")...)
}

// pod is the life of a pod: CRI-O makes its namespaces itself, and both containers join them by path.
func pod(t *testing.T, e *engine) {
	e.ok("create", "--bundle", e.bundle, "--pid-file", e.dir+"/infra-pid", "infra")
	e.ok("start", "infra")
	infra := strings.TrimSpace(e.read("infra-pid"))
	e.edit(func(config, _ map[string]any) {
		for _, entry := range config["linux"].(map[string]any)["namespaces"].([]any) {
			n := entry.(map[string]any)
			if file := map[string]string{"network": "net", "ipc": "ipc", "uts": "uts"}[n["type"].(string)]; file != "" {
				n["path"] = "/proc/" + infra + "/ns/" + file
			}
		}
		delete(config, "hostname")
		config["annotations"] = map[string]any{
			"io.container.manager": "cri-o", "io.kubernetes.cri-o.ContainerType": "container",
			"io.kubernetes.cri-o.SandboxID": "infra", "io.kubernetes.pod.terminationGracePeriod": "30",
		}
	})
	// What is to be heard of when the pod is told to end.
	e.process("sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.01; done")
	e.silent(e.create())
	e.ok("start", "c1")
	var s state
	e.must(json.Unmarshal([]byte(e.ok("state", "c1")), &s))
	for _, file := range []string{"net", "ipc", "uts"} {
		own, err := os.Readlink("/proc/" + infra + "/ns/" + file)
		e.must(err)
		if joined, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(s.Pid), "ns", file)); joined != own {
			t.Errorf("c1 is in %s, the pod in %s, %v", joined, own, err)
		}
	}
	e.silent(e.call(call{stdin: `{"cpu": {"shares": 512}, "memory": {"limit": 67108864}}`}, "--root", e.root, "update",
		"--resources", "-", "c1"))
	e.eventually("c1 handles TERM", func() bool {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(s.Pid) + "/status")
		_, caught, _ := strings.Cut(string(text), "\nSigCgt:\t")
		mask, parseErr := strconv.ParseUint(caught[:min(len(caught), 16)], 16, 64)
		return err == nil && parseErr == nil && mask&(1<<(unix.SIGTERM-1)) != 0
	})
	// StopContainer: the signal by its name, then state again and again, then SIGKILL for what has not heard it.
	e.ok("kill", "c1", "TERM")
	e.eventually("c1 is stopped", func() bool { return e.status() == "stopped" })
	e.ok("delete", "--force", "c1")
	e.ok("kill", "infra", "KILL")
	e.eventually("infra is stopped", func() bool { return strings.Contains(e.ok("state", "infra"), `"stopped"`) })
	e.ok("delete", "--force", "infra")
	if left := e.ok("list", "-q"); left != "" {
		t.Errorf("left: %s", left)
	}
}

// TestConmon has conmon itself make a container, as CRI-O calls it, and reads what CRI-O does: the pid from the pipe,
// the file with the status, the log.
func TestConmon(t *testing.T) {
	conmon, err := exec.LookPath("conmon")
	if os.Geteuid() != 0 || busybox() == "" || err != nil {
		t.Skip("needs root, busybox-static and conmon")
	}
	e := newEngine(t)
	e.process("sh", "-c", "echo said; echo complained >&2; exit 3")
	for _, dir := range []string{"exits", "attach", "persist"} {
		e.must(os.Mkdir(e.dir+"/"+dir, 0o755))
	}
	answer := e.conmon(conmon, "--syslog", "-b", e.bundle, "-c", "c1", "--exit-dir", e.dir+"/exits", "-l",
		e.dir+"/log", "--log-level", "info", "-n", "k8s_c1_pod_default_0", "-P", e.bundle+"/conmon-pidfile", "-p",
		e.bundle+"/pidfile", "--persist-dir", e.dir+"/persist", "-r", built, "--runtime-arg", "--root="+e.root,
		"--socket-dir-path", e.dir+"/attach", "-u", "c1")
	if answer.Pid <= 0 {
		t.Fatalf("conmon answers %+v", answer)
	}
	if got := e.status(); got != "created" {
		t.Errorf("c1 is %s", got)
	}
	e.ok("start", "c1")
	e.eventually("conmon writes the status", func() bool { _, err := os.Stat(e.dir + "/exits/c1"); return err == nil })
	if got := e.read("exits/c1"); got != "3" {
		t.Errorf("the status is %q", got)
	}
	for _, line := range []string{"stdout F said\n", "stderr F complained\n"} {
		if log := e.read("log"); !strings.Contains(log, line) {
			t.Errorf("the log lacks %q:\n%s", line, log)
		}
	}
	e.ok("delete", "c1")

	// What can't be made: the message reaches CRI-O, which shows it as an event of the pod.
	e.process("nonesuch")
	answer = e.conmon(conmon, "-b", e.bundle, "-c", "c1", "--exit-dir", e.dir+"/exits", "-l", e.dir+"/log2", "-n",
		"k8s_c1_pod_default_1", "-p", e.bundle+"/pidfile", "-r", built, "--runtime-arg", "--root="+e.root,
		"--socket-dir-path", e.dir+"/attach", "-u", "c1")
	if answer.Pid != -1 || !strings.Contains(answer.Message, "executable file not found in $PATH") {
		t.Errorf("conmon answers %+v", answer)
	}
}

// answer is the line that conmon writes when the runtime is done.
type answer struct {
	Pid     int    `json:"pid"`
	Message string `json:"message"`
}

// conmon starts conmon, lets it continue as CRI-O does when it has moved it to another cgroup, and returns its answer.
func (e *engine) conmon(path string, args ...string) (a answer) {
	e.t.Helper()
	sync, syncWrite, err := os.Pipe()
	e.must(err)
	startRead, start, err := os.Pipe()
	e.must(err)
	defer func() { _ = sync.Close(); _ = start.Close() }()
	cmd := exec.Command(path, args...)
	cmd.ExtraFiles = []*os.File{syncWrite, startRead}
	cmd.Env = append(os.Environ(), "_OCI_SYNCPIPE=3", "_OCI_STARTPIPE=4")
	e.must(cmd.Start())
	_, _ = syncWrite.Close(), startRead.Close()
	_, err = start.Write([]byte{0})
	e.must(err)
	e.must(sync.SetReadDeadline(time.Now().Add(time.Minute)))
	line, err := bufio.NewReader(sync).ReadBytes('\n')
	e.must(err)
	e.must(json.Unmarshal(line, &a))
	_ = cmd.Wait()
	return a
}
