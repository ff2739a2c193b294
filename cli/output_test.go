package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer"
	"rt/libcontainer/state"
)

var listed = []libcontainer.State{
	{
		OCIVersion: "1.3.0", ID: "web1", Pid: 4711, Bundle: "/srv/web", Rootfs: "/srv/web/rootfs", Owner: 0,
		Created: time.Date(2026, 11, 22, 14, 0, 0, 5000, time.UTC), Annotations: map[string]string{"a": "b"},
		Status: libcontainer.Running,
	},
	{ID: "a-container-with-a-long-name", Owner: 4242424, Status: libcontainer.Stopped},
}

func ownerName(uid uint32) string {
	if uid == 0 {
		return "root"
	}
	return "#" + strconv.Itoa(int(uid))
}

func TestListTable(t *testing.T) {
	const want = `ID                             PID         STATUS      BUNDLE      CREATED                       OWNER
web1                           4711        running     /srv/web    2026-11-22T14:00:00.000005Z   root
a-container-with-a-long-name   0           stopped                 0001-01-01T00:00:00Z          #4242424
`
	if got := string(appendListTable(nil, listed, ownerName)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestListJSON(t *testing.T) {
	var list []struct {
		OCIVersion  string            `json:"ociVersion"`
		ID          string            `json:"id"`
		Pid         int               `json:"pid"`
		Status      string            `json:"status"`
		Bundle      string            `json:"bundle"`
		Created     time.Time         `json:"created"`
		Annotations map[string]string `json:"annotations"`
		Owner       string            `json:"owner"`
	}
	text := appendListJSON(nil, listed, ownerName)
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if len(list) != 2 || list[0].ID != "web1" || list[0].Pid != 4711 || list[0].Owner != "root" ||
		list[0].Annotations["a"] != "b" ||
		list[1].Pid != 0 || list[1].Status != "stopped" ||
		list[1].Owner != "#4242424" ||
		!list[0].Created.Equal(listed[0].Created) {
		t.Errorf("got %+v", list)
	}
}

func TestOwner(t *testing.T) {
	if got := owner(0); got != "root" {
		t.Errorf("user 0 is %q", got)
	}
	if got := owner(4242424); got != "#4242424" {
		t.Errorf("a user without a name is %q", got)
	}
}

func TestParseSignal(t *testing.T) {
	for word, want := range map[string]unix.Signal{
		"9": 9, "0": 0, "64": 64, "KILL": 9, "SIGKILL": 9, "kill": 9, "sigterm": 15, "USR1": 10, "WINCH": 28,
		"SIGIOT": 6, "cld": 17, "SIGPOLL": 29, "RTMIN": 34, "RTMIN+1": 35, "SIGRTMIN+15": 49,
		"rtmax-1": 63, "RTMAX": 64,
	} {
		if got, err := parseSignal(word); err != nil || got != want {
			t.Errorf("%s is %d, %v, want %d", word, got, err, want)
		}
	}
	for _, word := range []string{
		"", "65", "-9", "NOPE", "SIG", "RTMIN-1", "RTMIN+31", "RTMAX+1", "RTMIN1", "RTMIN+",
		"SIGSIGKILL", "RTMAX-",
	} {
		if got, err := parseSignal(word); err == nil {
			t.Errorf("%q is taken for signal %d", word, got)
		}
	}
}

// rt spec writes what rt validate finds valid, and never overwrites.
func TestSpecAndValidate(t *testing.T) {
	for _, rootless := range []string{"--rootless=false", "--rootless"} {
		dir := t.TempDir()
		if _, errs, status := rt(t, "spec", "-b", dir, rootless); status != 0 {
			t.Fatal(errs)
		}
		if out, errs, status := rt(t, "validate", dir); status != 0 || out != "config.json is valid\n" {
			t.Errorf("validate: %d %s%s", status, out, errs)
		}
		before, err := os.ReadFile(filepath.Join(dir, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if _, errs, status := rt(t, "spec", "-b", dir); status != 1 || !strings.Contains(errs, "exists") {
			t.Errorf("the second spec: %d %s", status, errs)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, "config.json")); string(after) != string(before) {
			t.Error("the second spec has overwritten the first")
		}
	}
}

// What validate says, and which line of the document it names. All of it comes at once.
func TestValidate(t *testing.T) {
	const end = "config.json is valid"
	for _, c := range []struct {
		config string
		status int
		out    []string // beginnings of lines
	}{
		{
			"{\"ociVersion\":\"9.0.0\",\"root\":{\"path\":\"/\"},\n\"process\":{\"cwd\":\"x\",\"argz\":[\"a\"]}}", 1,
			[]string{
				"config.json:1:2: ociVersion ",
				`config.json:2:1: process.args: is required: the program and its ` +
					`arguments (hint: "argz" in line 2 is unknown: did you mean "args"?)`,
				"config.json:2:12: process.cwd ",
				"config.json:2:22: warning: process.argz: is unknown and ignored: did you mean",
			},
		},
		{
			"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\"},\n \"hostnam\":\"a\", \"HOOKS\":{}, \"x\":1}", 0,
			[]string{
				`config.json:2:2: warning: hostnam: is unknown and ignored: did you mean "hostname"?`,
				`config.json:2:17: warning: HOOKS: is taken for "hooks"`, "config.json:2:29: warning: x: is unknown",
				end,
			},
		},
		{"{\n", 1, []string{"config.json:2:1: is not JSON"}},
		{
			"{\"ociVersion\":3,\n\"root\":{\"path\":\"/\"}}", 1,
			[]string{"config.json:1:15: ociVersion: must be a string"},
		},
		{
			"{\"ociVersion\":\"1.0.0\",\"$schema\":\"s\",\"root\":{\"path\":\"/\",\n" +
				"\"path\":\"/\"},\"annotations\":{\"a\":\"\",\n\"a\":\"\"}}", 0,
			[]string{"config.json:2:1: warning: root.path: is here a second time, and this value counts: the first " +
				"is in line 1", "config.json:3:1: warning: annotations.a: is here a second time", end},
		},
		{
			`{"ociVersion":"1.0.0","root":{"path":"/"},"process":{"cwd":"x","args":["a"]},"linux":{"seccomp":{` +
				"\n\"defaultAction\":\"SCMP_ACT_KABOOM\",\n\"flags\":[\"F\"],\n" +
				"\"syscalls\":[{\"names\":[\"no_such_call\"]," +
				"\"action\":\"SCMP_ACT_ALLOW\"},\n{\"names\":[],\"action\":\"ALLOW\"," +
				"\"args\":[{\"index\":6,\"op\":\"=\"}]}]}}}", 1,
			[]string{
				"config.json:1:54: process.cwd ",
				"config.json:2:1: linux.seccomp.defaultAction \"SCMP_ACT_KABOOM\"",
				"config.json:3:10: linux.seccomp.flags[0] \"F\"",
				"config.json:4:23: warning: linux.seccomp.syscalls[0].names[0] " +
					"\"no_such_call\": ",
				"config.json:5:2: warning: linux.seccomp.syscalls[1].names: is empty",
				"config.json:5:13: linux.seccomp.syscalls[1].action",
				"config.json:5:39: linux.seccomp.syscalls[1].args[0].index",
				"config.json:5:49: linux.seccomp.syscalls[1].args[0].op",
			},
		},
		{
			`{"ociVersion":"1.0.0","root":{"path":"/"},"process":{"cwd":"/","args":["a"],"noNewPrivileges":true},` +
				"\"linux\":{\n\"namespaces\":[{\"type\":\"mount\"}]," +
				"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\n" +
				"\"syscalls\":[{\"names\":[\"execve\"],\"action\":\"SCMP_ACT_ERRNO\"}]}}}", 1,
			[]string{`config.json:3:33: linux.seccomp.syscalls[0].action "SCMP_ACT_ERRNO(EPERM)": refuses execve`},
		},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(c.config), 0o600); err != nil {
			t.Fatal(err)
		}
		out, errs, status := rt(t, "validate", dir)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if status != c.status || len(lines) != len(c.out) {
			t.Fatalf("%s: %d\n%s%s", c.config, status, out, errs)
		}
		for i, want := range c.out {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: line %d is %q, want %q", c.config, i+1, lines[i], want)
			}
		}
		var list []struct{ Level, Field, Problem string }
		out, _, again := rt(t, "validate", "--format", "json", dir)
		if err := json.Unmarshal([]byte(out), &list); err != nil || again != c.status ||
			len(list) != len(lines)-strings.Count(strings.Join(lines, "\n"), end) {
			t.Errorf("%s: %v, %d: %s", c.config, err, again, out)
		}
	}
	if _, errs, status := rt(t, "validate", t.TempDir()); status != 1 ||
		!strings.Contains(errs, "no such file or directory") {
		t.Errorf("no config.json: %d %s", status, errs)
	}
	if _, errs, status := rt(t, "validate", "--format", "xml"); status != 1 || !strings.Contains(errs, "text or json") {
		t.Errorf("an unknown format: %d %s", status, errs)
	}
	image := t.TempDir()
	if err := os.WriteFile(filepath.Join(image, "oci-layout"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := rt(t, "validate", image); status != 1 || !strings.Contains(errs, "umoci unpack --image") {
		t.Errorf("an image instead of a bundle: %d %s", status, errs)
	}
}

func TestIsBundle(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("web", 0o700); err != nil {
		t.Fatal(err)
	}
	if isBundle("web") {
		t.Error("a directory without a config.json is a bundle")
	}
	if err := os.WriteFile("web/config.json", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !isBundle("web") || !isBundle("./nothing") || isBundle("web1") {
		t.Error("a path or a directory with a config.json is a bundle, a word is none")
	}
	id, err := generateID("./web")
	if err != nil || !strings.HasPrefix(id, "web-") || len(id) != len("web-012345") || state.CheckID(id) != nil {
		t.Errorf("the id is %q, %v", id, err)
	}
	if other, _ := generateID("./web"); other == id {
		t.Error("the same id twice")
	}
	// Where the working directory is a bundle, a word is an id, as runc has it.
	if err := os.WriteFile("config.json", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if isBundle("web") {
		t.Error("the working directory is a bundle, and web is one all the same")
	}
	if _, err := generateID("./nothing"); err == nil {
		t.Error("a bundle that is not there has got an id")
	}
}

var events = []libcontainer.TraceEvent{
	{
		Step:     1,
		Text:     "umask(0)",
		Sentence: "modes are as written",
		Part:     "names",
		Result:   18,
		Start:    1_000_000,
		End:      1_002_500,
		Pid:      7,
	},
	{
		Step:   2,
		Text:   `mkdirat($root, "a", 0755)`,
		Origin: "mounts[0].destination",
		Part:   "mounts",
		Result: -30,
		Start:  1_010_000,
		End:    1_020_000,
		Pid:    7,
	},
}

func TestTraceTable(t *testing.T) {
	const want = `      at ms    took ms  step  result    call
# names
      0.000      0.003     1  18        umask(0)
# mounts
      0.010      0.010     2  EROFS     mkdirat($root, "a", 0755)  # mounts[0].destination
# 2 steps in 0.020 ms; the slowest:
                 0.010     2  mkdirat
                 0.003     1  umask: modes are as written
`
	if got := string(appendTraceTable(nil, events)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// The fields are those that Perfetto's importer of the Trace Event Format wants: ph, ts and dur in microseconds, pid,
// tid, name.
func TestTraceJSON(t *testing.T) {
	var trace struct {
		TraceEvents []struct {
			Ph, Name, Cat string
			Pid, Tid      int
			Ts, Dur       float64
			Args          map[string]any
		}
	}
	for _, none := range [][]libcontainer.TraceEvent{nil, events} {
		text := appendTraceJSON(nil, `rt run "x"`, none)
		if err := json.Unmarshal(text, &trace); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	all := trace.TraceEvents
	if len(all) != 5 {
		t.Fatalf("%d events, want the name of the process, those of two tracks, and two steps", len(all))
	}
	if all[0].Ph != "M" || all[0].Args["name"] != `rt run "x"` || all[1].Args["name"] != "names" ||
		all[3].Args["name"] != "mounts" {
		t.Errorf("the names are %+v %+v %+v", all[0], all[1], all[3])
	}
	a, b := all[2], all[4]
	if a.Ph != "X" || a.Name != "umask: modes are as written" || a.Ts != 1000 || a.Dur != 2.5 || a.Pid != 7 ||
		a.Tid == b.Tid ||
		a.Args["step"] != 1.0 {
		t.Errorf("the first step is %+v", a)
	}
	if b.Name != "mkdirat" || b.Args["result"] != "EROFS" || b.Args["origin"] != "mounts[0].destination" {
		t.Errorf("the second step is %+v", b)
	}
}
