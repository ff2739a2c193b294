package contract

import (
	"os"
	"strings"
	"testing"
)

// programs are programs that can't be run, and the exit statuses that users of Docker and Podman know for that.
var programs = []struct {
	name   string
	args   []string
	status int
}{
	{"not in PATH", []string{"no-such-program"}, 127},
	{"no name at all", []string{""}, 127},
	{"no such file", []string{"/bin/no-such-program"}, 127},
	{"an interpreter that is not there", []string{"/etc/script"}, 127},
	{"no right to execute", []string{"/etc/data"}, 126},
	{"a directory", []string{"/etc"}, 126},
}

// attempt runs a program, as engines do it, and returns rt's message: that of create, or of start.
func attempt(e *engine, args []string) string {
	e.t.Helper()
	e.process(args...)
	if r := e.rt("--root", e.root, "create", "--bundle", e.bundle, "c1"); r.status != 0 {
		return r.stderr
	}
	message := e.fails("start", "c1").stderr
	e.ok("delete", "--force", "c1")
	return message
}

// unrunnable makes the files that programs has.
func unrunnable(e *engine) {
	e.t.Helper()
	etc := e.bundle + "/rootfs/etc"
	e.must(os.WriteFile(etc+"/script", []byte("#!/no/such/interpreter\n"), 0o755))
	e.must(os.WriteFile(etc+"/data", []byte("x"), 0o644))
}

// failures are what rt says when something is wrong.
var failures = []contract{
	{
		"kill of a container that has ended", "containerd (process/utils.go), CRI-O (runtime_oci.go)",
		"stopping a pod fails, again and again",
		func(t *testing.T, e *engine) {
			e.running()
			e.stopped()
			if r := e.fails("kill", "c1", "15"); !isGone(r.stderr) || !isGoneToCRIO(r.stderr) {
				t.Error(r)
			}
			e.ok("kill", "--all", "c1", "9") // whatever is left: nothing
		},
	},
	{
		"an id that nobody has", "containerd (process/utils.go, init.go), CRI-O",
		"what is gone already can't be deleted",
		func(t *testing.T, e *engine) {
			e.ok("create", "--bundle", e.bundle, "c2")
			for _, args := range [][]string{
				{"state", "c1"},
				{"kill", "c1", "9"},
				{"delete", "c1"},
				{"start", "c1"},
				{"ps", "c1"},
				{"exec", "c1", "true"},
			} {
				if r := e.fails(args...); !isUnknown(r.stderr) {
					t.Error(r)
				}
			}
			e.ok("delete", "--force", "c2")
		},
	},
	{
		"delete --force of an id that nobody has: silent", "containerd's shim (always), Podman, CRI-O",
		"each removal ends with an error",
		func(_ *testing.T, e *engine) { e.ok("delete", "--force", "c1") },
	},
	{
		"the log: the last error of many calls", "containerd (getLastRuntimeError), BuildKit",
		"OCI runtime create failed: unknown",
		func(t *testing.T, e *engine) {
			log := []string{"--root", e.root, "--log", e.dir + "/log.json", "--log-format", "json"}
			e.rt(append(log, "state", "c1")...)
			e.process("no-such-program")
			r := e.rt(append(log, "create", "--bundle", e.bundle, "c1")...)
			if r.status == 0 {
				t.Fatal(r)
			}
			text := e.read("log.json")
			last, err := lastError(text)
			if err != nil || !strings.Contains(last, "no-such-program") || strings.Count(text, "\n") != 2 {
				t.Errorf("the last error is %q, %v, in\n%s", last, err, text)
			}
			// With --debug there is more, and the error is still the last one.
			e.rt(append(log, "--debug", "create", "--bundle", e.bundle, "c1")...)
			if last, err := lastError(e.read("log.json")); err != nil || !strings.Contains(last, "no-such-program") {
				t.Errorf("with --debug the last error is %q, %v", last, err)
			}
		},
	},
	{
		"a container of another runtime in the same directory",
		"containerd, which has one directory for all runtimes of a namespace",
		"rt delete --force takes runc's state away, and its container can't be stopped any more",
		func(t *testing.T, e *engine) {
			e.must(os.MkdirAll(e.root, 0o700))
			for name, text := range map[string]string{
				// runc's, and crun's.
				"state.json": `{"id":"c1","init_process_pid":1,"init_process_start":1,` +
					`"created":"2026-11-28T23:09:46Z","config":{}}`,
				"status": `{"pid":1,"process-start-time":1,"cgroup-path":"/c1"}`,
			} {
				e.must(os.Mkdir(e.root+"/c1", 0o700))
				e.must(os.WriteFile(e.root+"/c1/"+name, []byte(text), 0o600))
				for _, command := range [][]string{{"state"}, {"kill"}, {"delete"}, {"delete", "--force"}} {
					r := e.fails(append(command, "c1")...)
					if !strings.Contains(r.stderr, "another runtime made the container") {
						t.Error(r)
					}
				}
				e.must(os.Remove(e.root + "/c1/" + name)) // it is still there
				e.must(os.Remove(e.root + "/c1"))
			}
		},
	},
	{
		"the log: nothing but the error", "Podman (readConmonPipeData)", "the user sees conmon's text instead of rt's",
		func(t *testing.T, e *engine) {
			// A warning, which a successful create would log, and an error.
			e.edit(func(_, process map[string]any) {
				process["capabilities"] = map[string]any{"bounding": []string{"CAP_NOT_KNOWN"}}
			})
			e.process("no-such-program")
			if r := e.rt("--root", e.root, "--log-format=json", "--log", e.dir+"/oci-log", "create", "--bundle",
				e.bundle, "c1"); r.status == 0 {
				t.Fatal(r)
			}
			message, err := podmanMessage(e.read("oci-log"))
			if err != nil || !strings.Contains(message, "no-such-program") {
				t.Errorf("the message is %q, %v, in\n%s", message, err, e.read("oci-log"))
			}
		},
	},
	{
		"the words for programs that can't be run", "Podman (libpod/oci_util.go, getOCIRuntimeError)",
		"podman run has exit status 125, or 126 where 127 is meant",
		func(t *testing.T, e *engine) {
			unrunnable(e)
			for _, p := range programs {
				if message := attempt(e, p.args); podmanStatus(message) != p.status {
					t.Errorf("%s: status %d, want %d: %s", p.name, podmanStatus(message), p.status, message)
				}
			}
		},
	},
	{
		"the words for programs that can't be run, in lower case", "Docker (daemon/errors.go, setExitCodeFromError)",
		"docker run has exit status 128",
		func(t *testing.T, e *engine) {
			unrunnable(e)
			for _, p := range programs {
				if message := attempt(e, p.args); mobyStatus(message) != p.status || mobyMeansMounts(message) {
					t.Errorf("%s: status %d, want %d: %s", p.name, mobyStatus(message), p.status, message)
				}
			}
		},
	},
	{
		"a file mounted on a directory", "Docker (daemon/errors.go)",
		"docker run does not ask whether a directory is mounted on a file",
		func(t *testing.T, e *engine) {
			source := e.file("mounted", "x")
			e.must(os.Mkdir(e.bundle+"/rootfs/etc/dir", 0o755))
			e.edit(func(config, _ map[string]any) {
				config["mounts"] = append(config["mounts"].([]any), map[string]any{
					"destination": "/etc/dir", "type": "bind", "source": source, "options": []string{"bind"},
				})
			})
			if r := e.fails("create", "--bundle", e.bundle, "c1"); !mobyMeansMounts(r.stderr) ||
				mobyStatus(r.stderr) != 127 {
				t.Error(r)
			}
		},
	},
	{
		"a config that is no JSON, a bundle that is not there", "conmon (conmon.c): a status that is not 0, and text",
		"podman run hangs or fails without a reason",
		func(t *testing.T, e *engine) {
			e.must(os.Mkdir(e.root, 0o700))
			e.fails("create", "--bundle", e.dir+"/nothing", "--pid-file", e.dir+"/pidfile", "c1")
			e.must(os.WriteFile(e.bundle+"/config.json", []byte("{"), 0o644))
			e.fails("create", "--bundle", e.bundle, "--pid-file", e.dir+"/pidfile", "c1")
			if _, err := os.Stat(e.dir + "/pidfile"); err == nil {
				t.Error("there is a pid file of no process")
			}
			if ids := e.ok("list", "-q"); ids != "" {
				t.Errorf("left behind: %s", ids)
			}
		},
	},
	{
		"exec of a program that is not there: no pid file", "conmon (conmon.c, since 2026-08)",
		"the failure of the runtime is taken for the exit status of the program",
		func(t *testing.T, e *engine) {
			e.running()
			e.file("process.json", strings.Replace(processFile, "sleep", "no-such-program", 1))
			r := e.fails("exec", "--pid-file", e.dir+"/exec-pid", "--process", e.dir+"/process.json", "--detach", "c1")
			if r.status != 255 || podmanStatus(r.stderr) != 127 || mobyStatus(r.stderr) != 127 {
				t.Error(r)
			}
			if _, err := os.Stat(e.dir + "/exec-pid"); err == nil {
				t.Error("there is a pid file of no process")
			}
		},
	},
	{
		"an id that somebody has", "containerd and Docker, after a crash", "docker start does not name the conflict",
		func(t *testing.T, e *engine) {
			e.ok("create", "--bundle", e.bundle, "c1")
			if r := e.fails("create", "--bundle", e.bundle, "c1"); !strings.Contains(r.stderr, "already exists") {
				t.Error(r)
			}
		},
	},
}
