package contract

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// processFile is what engines give to exec --process.
const processFile = `{"terminal": false, "user": {"uid": 0, "gid": 0}, "args": ["sleep", "60"], "env": ` +
	`["PATH=/bin"], "cwd": "/"}`

// commandLines are the calls, with options as each engine writes them.
var commandLines = []contract{
	{
		"a life, as the shim has it", "containerd and Docker (go-runc)", "no container runs",
		func(t *testing.T, e *engine) {
			global := []string{"--root", e.root + "/k8s.io", "--log", e.dir + "/log.json", "--log-format", "json"}
			as := func(args ...string) result { return e.rt(append(global, args...)...) }
			e.silent(as("create", "--bundle", e.bundle, "--pid-file", e.dir+"/init.pid", "c1"))
			e.silent(as("start", "c1"))
			e.silent(as("exec", "--process", e.file("process.json", processFile), "--detach", "--pid-file",
				e.dir+"/exec.pid", "c1"))
			e.silent(as("kill", "--all", "c1", "9"))
			e.eventually("c1 is stopped",
				func() bool { return strings.Contains(as("state", "c1").stdout, `"stopped"`) })
			e.silent(as("delete", "c1"))
			e.silent(as("delete", "--force", "c1")) // always once more
			if log := e.read("log.json"); log != "" {
				t.Errorf("all went well, and the log has %s", log)
			}
		},
	},
	{
		"create and exec by conmon", "Podman and CRI-O (conmon, runtime_args.c)", "podman run and podman exec fail",
		func(_ *testing.T, e *engine) {
			global := []string{"--log-format=json", "--log", e.dir + "/oci-log", "--root=" + e.root}
			e.silent(e.rt(append(global, "create", "--bundle", e.bundle, "--pid-file", e.dir+"/pidfile",
				"--no-new-keyring", "c1")...))
			e.ok("start", "c1")
			e.silent(e.rt(append(global, "exec", "--pid-file", e.dir+"/exec-pid", "--process",
				e.file("process.json", processFile), "--detach", "c1")...))
			if pid, err := pidOf(e.dir + "/exec-pid"); err != nil || pid <= 0 {
				e.t.Errorf("exec's pid file: %d, %v", pid, err)
			}
		},
	},
	{
		"what Podman calls itself", "Podman (libpod/oci_conmon_common.go)", "podman start, stop, pause, update fail",
		func(t *testing.T, e *engine) {
			e.ok("create", "--bundle", e.bundle, "c1")
			e.ok("start", "c1")
			e.ok("pause", "c1")
			if got := e.status(); got != "paused" {
				t.Errorf("c1 is %s", got)
			}
			e.ok("resume", "c1")
			e.ok("update", "--resources="+e.file("resources.json", `{"pids": {"limit": 100}}`), "c1")
			e.ok("kill", "--all", "c1", "9")
			e.ok("delete", "--force", "c1")
		},
	},
	{
		"--root given twice, exec -d, and an option behind the id", "CRI-O with conmon-rs (server.rs)",
		"exec takes the command's options for its own",
		func(t *testing.T, e *engine) {
			e.silent(e.rt("--root="+e.dir+"/other", "--root="+e.root, "create", "--bundle", e.bundle, "--pid-file",
				e.dir+"/pidfile", "c1"))
			e.ok("start", "c1")
			e.ok("exec", "-d", "--pid-file="+e.dir+"/exec-pid", "c1", "sleep", "60")
			if out := e.ok("exec", "c1", "echo", "--detach", "-d", "--root=x"); out != "--detach -d --root=x\n" {
				t.Errorf("echo has got %q", out)
			}
		},
	},
	{
		"kill -a, update --resources - and exec --process in the foreground", "CRI-O (internal/oci/runtime_oci.go)",
		"pods don't stop, probes fail",
		func(t *testing.T, e *engine) {
			e.running()
			e.silent(e.call(call{stdin: `{"memory": {"limit": 67108864}}`}, "--root", e.root, "update", "--resources",
				"-", "c1"))
			e.file("process.json",
				`{"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "echo hello; exit 3"], "env": ["PATH=/bin"], `+
					`"cwd": "/"}`)
			if r := e.rt("--root", e.root, "exec", "--process", e.dir+"/process.json", "c1"); r.status != 3 ||
				r.stdout != "hello\n" {
				t.Error(r)
			}
			e.ok("kill", "-a", "c1", "9")
		},
	},
	{
		"update --resources=- reads standard input", "containerd (go-runc)",
		"kubelet's and docker update's limits have no effect",
		func(t *testing.T, e *engine) {
			e.running()
			e.silent(e.call(call{stdin: `{"pids": {"limit": 77}}`}, "--root", e.root, "update", "--resources=-", "c1"))
			if r := e.call(call{stdin: `{"pids": {"limit": "many"}}`}, "--root", e.root, "update", "--resources=-",
				"c1"); r.status == 0 {
				t.Error(r)
			}
		},
	},
	{
		"under the name runc, in the foreground, with --keep", "BuildKit (executor/runcexecutor)",
		"builds fail, or their containers stay",
		func(t *testing.T, e *engine) {
			e.process("sh", "-c", "echo built; exit 4")
			log := []string{"--root", e.root, "--log", e.dir + "/runc-log.json", "--log-format", "json"}
			r := e.call(call{program: runc}, append(log, "run", "--bundle", e.bundle, "--keep", "c1")...)
			if r.status != 4 || r.stdout != "built\n" || r.stderr != "" {
				t.Error(r)
			}
			if got := e.status(); got != "stopped" {
				t.Errorf("after --keep c1 is %s", got)
			}
			e.silent(e.call(call{program: runc}, append(log, "delete", "c1")...))
		},
	},
	{
		"state, for the pid of a container in the foreground", "BuildKit",
		"a build can't be cancelled, or its network be set up",
		func(t *testing.T, e *engine) {
			cmd := e.attended("run", "--bundle", e.bundle, "--keep", "c1")
			var s struct {
				Pid    int
				Status string
			}
			e.eventually("it runs", func() bool {
				return json.Unmarshal([]byte(e.rt("--root", e.root, "state", "c1").stdout), &s) == nil &&
					s.Status == "running"
			})
			if s.Pid <= 0 || s.Pid == cmd.Process.Pid {
				t.Errorf("its pid is %d", s.Pid)
			}
			e.ok("kill", "c1", "KILL")
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 128+9 {
				t.Errorf("run ended with %v", err)
			}
		},
	},
	{
		"-no-subreaper, with one dash",
		"containerd (go-runc, RestoreOpts.args) and those that write options like Go's flag package",
		"the option is refused",
		func(_ *testing.T, e *engine) {
			e.process("true")
			e.ok("run", "-no-subreaper", "-bundle", e.bundle, "c1")
		},
	},
	{
		"global options behind the command", "scripts around crun, and people", "usage errors",
		func(_ *testing.T, e *engine) {
			e.silent(e.rt("create", "c1", "--bundle", e.bundle, "--root", e.root))
			e.silent(e.rt("delete", "c1", "--root", e.root, "--log-format=json", "--force"))
		},
	},
	{
		"--rootless true, false and auto", "go-runc (Runc.Rootless), nerdctl",
		"rootless nerdctl fails with an unknown option",
		func(t *testing.T, e *engine) {
			e.running()
			for _, word := range []string{"true", "false", "auto"} {
				e.ok("--rootless="+word, "state", "c1")
			}
			if r := e.fails("--rootless=maybe", "list"); !strings.Contains(r.stderr, "--rootless") {
				t.Error(r)
			}
		},
	},
	{
		"a created container is deleted, by --force too", "containerd, CRI-O and Buildah, after a start that failed",
		"containers that never ran can't be removed",
		func(_ *testing.T, e *engine) {
			for _, options := range [][]string{{}, {"--force"}} {
				e.ok("create", "--bundle", e.bundle, "c1")
				e.ok(append(append([]string{"delete"}, options...), "c1")...)
			}
		},
	},
	{
		"SIGTERM to the rt of a container in the foreground", "systemd, BuildKit and go-runc when a context ends",
		"the container outlives its caller",
		func(t *testing.T, e *engine) {
			e.process("sh", "-c", "trap 'exit 5' TERM; echo up >/up; while :; do sleep 0.01; done")
			e.edit(func(config, _ map[string]any) { config["root"].(map[string]any)["readonly"] = false })
			cmd := e.attended("run", "--bundle", e.bundle, "c1")
			e.eventually("it runs", func() bool { _, err := os.Stat(e.bundle + "/rootfs/up"); return err == nil })
			e.must(cmd.Process.Signal(unix.SIGTERM))
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != 5 {
				t.Errorf("run ended with status %d", got)
			}
		},
	},
	{
		"a cgroup driver is named at create only", "Podman, and conmon at exec",
		"exec, update and delete look for the cgroup in the wrong hierarchy",
		func(t *testing.T, e *engine) {
			e.ok("--cgroup-manager", "disabled", "create", "--bundle", e.bundle, "c1")
			e.ok("start", "c1")
			if out := e.ok("exec", "c1", "cat", "/proc/self/cgroup"); out != e.ok("exec", "c1", "cat",
				"/proc/1/cgroup") {
				t.Errorf("exec is elsewhere: %s", out)
			}
			var s struct{ Cgroup struct{ Driver string } }
			text, err := os.ReadFile(e.root + "/c1/state.json")
			e.must(err)
			if e.must(json.Unmarshal(text, &s)); s.Cgroup.Driver != "disabled" {
				t.Errorf("the state has %s", text)
			}
			if r := e.fails("pause", "c1"); !strings.Contains(r.stderr, "--cgroup-manager disabled") {
				t.Error(r)
			}
		},
	},
	{
		"--preserve-fds, and LISTEN_FDS on top", "Podman (--preserve-fds), systemd units with sockets",
		"socket activation in containers",
		func(t *testing.T, e *engine) {
			e.process("sh", "-c",
				"cat <&3; cat <&4; echo $LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES; [ ! -e /proc/self/fd/5 ] && echo no "+
					"more")
			one, two := e.opened("one\n"), e.opened("two\n")
			r := e.call(call{
				program: "/bin/sh", files: []*os.File{one, two},
				env: []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=web.socket"},
			},
				"-c", `LISTEN_PID=$$ exec "$0" `+
					`"$@"`, built, "--root", e.root, "run", "--preserve-fds", "1", "--bundle", e.bundle, "c1")
			if out := e.silent(r); out != "one\ntwo\n1 1 web.socket\nno more\n" {
				t.Errorf("the program has %q", out)
			}
			// What is not open can't be handed down.
			if r := e.fails("run", "--preserve-fds", "7", "--bundle", e.bundle,
				"c1"); !strings.Contains(r.stderr, "--preserve-fds") {
				t.Error(r)
			}
			e.process("sleep", "60")
			e.running()
			r = e.call(call{files: []*os.File{e.opened("three\n")}}, "--root", e.root, "exec", "--preserve-fds", "1",
				"c1", "sh", "-c", "cat <&3")
			if out := e.silent(r); out != "three\n" {
				t.Errorf("exec's program has %q", out)
			}
		},
	},
	{
		"a probe for checkpoint", "Podman and CRI-O (pkg/checkpoint/crutils)",
		"they refuse to checkpoint, or to restore into another pod",
		func(t *testing.T, e *engine) {
			// They ask for help, and take status 0 for yes; and for an option without its value, and take "needs an
			// argument" for yes.
			if r := e.rt("checkpoint", "--help"); r.status != 0 || r.stderr != "" {
				t.Error(r)
			}
			r := e.rt("restore", "--lsm-mount-context")
			if said := r.stdout + r.stderr; r.status == 0 || !strings.Contains(said, "flag needs an argument") {
				t.Error(r)
			}
			// The same question about another option.
			if r := e.rt("create", "--pid-file"); !strings.Contains(r.stderr, "flag needs an argument") {
				t.Error(r)
			}
		},
	},
}

// opened is a file of that text, to be handed down.
func (e *engine) opened(text string) *os.File {
	e.t.Helper()
	f, err := os.Open(e.file("handed"+strconv.Itoa(len(text))+text[:1], text))
	e.must(err)
	e.t.Cleanup(func() { _ = f.Close() })
	return f
}
