package cli

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rt/libcontainer"
)

// engineCalls are what engines send, and what must come of it: features that containers depend on. Each row names who
// sends it.
var engineCalls = []struct {
	who     string
	args    string
	command string
	rest    []string
	want    map[string]any // options by name, those of the command and the global ones
}{
	{
		"containerd, go-runc: create",
		"--root /run/containerd/runc/k8s.io --log /b/log.json --log-format json --systemd-cgroup create --bundle /b " +
			"--pid-file /b/init.pid --console-socket /tmp/pty.sock --no-pivot --no-new-keyring id1",
		"create",
		[]string{"id1"},
		map[string]any{
			"root": "/run/containerd/runc/k8s.io", "log": "/b/log.json", "log-format": "json", "systemd-cgroup": true,
			"bundle":   "/b",
			"pid-file": "/b/init.pid", "console-socket": "/tmp/pty.sock", "no-pivot": true, "no-new-keyring": true,
		},
	},
	{
		"containerd: start",
		"--root /r --log /l --log-format json start id1",
		"start",
		[]string{"id1"},
		map[string]any{"root": "/r"},
	},
	{
		"containerd: kill all",
		"--root /r --log /l --log-format json kill --all id1 9",
		"kill",
		[]string{"id1", "9"},
		map[string]any{"all": true},
	},
	{"containerd: delete", "--root /r delete --force id1", "delete", []string{"id1"}, map[string]any{"force": true}},
	{"go-runc: list", "list --format=json", "list", []string{}, map[string]any{"format": "json", "quiet": false}},
	{"go-runc: state", "--rootless=true state id1", "state", []string{"id1"}, map[string]any{"rootless": "true"}},
	{
		"go-runc: run", "run --bundle /b --pidfd-socket /s --detach -no-subreaper id1", "run",
		[]string{"id1"},
		map[string]any{"bundle": "/b", "pidfd-socket": "/s", "detach": true, "no-subreaper": true},
	},
	{
		"buildkit: run", "--log runc-log.json --log-format json run --bundle /b --no-pivot --keep id1", "run",
		[]string{"id1"},
		map[string]any{
			"log":        "runc-log.json",
			"log-format": "json",
			"bundle":     "/b",
			"no-pivot":   true,
			"keep":       true,
			"detach":     false,
		},
	},
	{
		"conmon: create", "--log-format=json --log /l --root=/r create --bundle /b --pid-file /p --no-new-keyring " +
			"--preserve-fds 2 --console-socket /s id1", "create",
		[]string{"id1"},
		map[string]any{
			"log-format":     "json",
			"log":            "/l",
			"root":           "/r",
			"preserve-fds":   2,
			"no-new-keyring": true,
			"no-pivot":       false,
		},
	},
	{"podman: kill", "kill id1 15", "kill", []string{"id1", "15"}, map[string]any{"all": false}},
	{"CRI-O: kill", "--root /r kill -a id1 TERM", "kill", []string{"id1", "TERM"}, map[string]any{"all": true}},
	{
		"conmon-rs: a global option twice", "--root=/old --root=/new create --bundle /b --pid-file /p " +
			"--console-socket=/s id1", "create",
		[]string{"id1"},
		map[string]any{"root": "/new", "console-socket": "/s"},
	},
	{
		"people: options behind the id",
		"run id1 -b /b -d",
		"run",
		[]string{"id1"},
		map[string]any{"bundle": "/b", "detach": true},
	},
	{"people: -f=value", "list -f=json -q", "list", []string{}, map[string]any{"format": "json", "quiet": true}},
	{
		"people: a switch with a value",
		"run --keep=false --detach=true id1",
		"run",
		[]string{"id1"},
		map[string]any{"keep": false, "detach": true},
	},
	{
		"people: global options behind the command",
		"delete id1 --force --root /r",
		"delete",
		[]string{"id1"},
		map[string]any{"force": true, "root": "/r"},
	},
	{"people: an id like an option", "delete -- --help", "delete", []string{"--help"}, map[string]any{"force": false}},
	{
		"exec: options of the program are its own", "exec --tty -e A=1,2 -e B= id1 ls -l --root /x", "exec",
		[]string{"id1", "ls", "-l", "--root", "/x"},
		map[string]any{"tty": true, "root": ""},
	},
	{"people: an id that is a word of the library", "delete help", "delete", []string{"help"}, nil},
	{"spec's own --rootless", "spec --rootless", "spec", []string{}, map[string]any{"rootless": true}},
	{"crun's user: an empty value", "create --bundle= id1", "create", []string{"id1"}, map[string]any{"bundle": ""}},
	{
		"kill: what follows the id is a signal",
		"kill id1 -9",
		"kill",
		[]string{"id1", "-9"},
		map[string]any{"all": false},
	},
}

// understood is what the command line of rt comes to: the command with its options, and the arguments.
func understood(args []string) (c *Command, globals []Flag, rest []string, err error) {
	call := &Call{Stdout: io.Discard, Stderr: io.Discard, program: "rt"}
	t := newTree(call, args)
	t.act = func(found *Command) error {
		c = found
		return nil
	}
	t, err = t.parse()
	return c, t.globals.flags(), call.Args, err
}

func TestEngineCalls(t *testing.T) {
	for _, e := range engineCalls {
		t.Run(e.who, func(t *testing.T) {
			c, global, rest, err := understood(strings.Fields(e.args))
			if err != nil {
				t.Fatal(err)
			}
			if c == nil || c.Name != e.command {
				t.Fatalf("the command is %+v, want %q", c, e.command)
			}
			if strings.Join(rest, " ") != strings.Join(e.rest, " ") {
				t.Errorf("arguments %q, want %q", rest, e.rest)
			}
			for name, want := range e.want {
				i := slices.IndexFunc(
					append(slices.Clip(c.Flags), global...),
					func(f Flag) bool { return f.Name == name },
				)
				if i < 0 {
					t.Fatalf("no option --%s", name)
				}
				f := append(slices.Clip(c.Flags), global...)[i]
				if got := reflect.ValueOf(f.To).Elem().Interface(); got != want {
					t.Errorf("--%s = %v, want %v", name, got, want)
				}
			}
		})
	}
}

func TestMisuse(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"create", `"create" requires exactly 1 argument(s)`},
		{"create a b", `"create" requires exactly 1 argument(s)`},
		{"kill", `"kill" requires a minimum of 1 argument(s)`},
		{"kill a 9 9", `"kill" takes at most 2 argument(s)`},
		{"list a", `"list" takes no arguments`},
		{"create --nopivot a", `flag provided but not defined: -nopivot (did you mean "--no-pivot"?)`},
		{"create --xyzzy a", "flag provided but not defined: -xyzzy"},
		{"create a --bundle", "flag needs an argument: --bundle"}, // podman and CRI-O probe for these words
		{"create --preserve-fds many a", `--preserve-fds "many": must be a number from 0 on`},
		{"create --preserve-fds -1 a", `--preserve-fds "-1": must be a number from 0 on`},
		{"run --detach=maybe a", `--detach "maybe": must be true or false`},
		{"exec -it a sh", "flag provided but not defined: -it (write -t: short options are written one by one, and " +
			"there is no -i)"},
		{"exec -dt a sh", "flag provided but not defined: -dt (short options are written one by one: -d -t)"},
		{"seccomp", `"seccomp" needs one of its subcommands: compile, check`},
		{"seccomp chek p", `"chek" is not a subcommand of seccomp, which has compile, check, diff (hint: did you ` +
			`mean ` +
			`"check"?)`},
		{"seccomp check p", `"check" requires a minimum of 2 argument(s): <profile> <call> [argument...] (hint: see ` +
			`"rt seccomp check --help")`},
		{"strat --foo a", `"strat" is not a command of rt (hint: did you mean "start"?)`},
	} {
		t.Run(c.args, func(t *testing.T) {
			_, _, _, err := understood(strings.Fields(c.args))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// No command has an option of the same name as another one of its own or a global one, and each leads somewhere.
func TestFlagsAreDistinct(t *testing.T) {
	for _, c := range append(Commands(), &Command{Name: "rt"}) {
		seen := map[string]bool{"help": true, "h": true}
		for _, f := range append(c.Flags, GlobalFlags()...) {
			for _, name := range []string{f.Name, f.Short} {
				// spec has its own --rootless, as in runc: where both could be meant, it is the command's.
				if name != "" && seen[name] && (c.Name != "spec" || name != "rootless") {
					t.Errorf("%s: two options %s", c.Name, name)
				}
				seen[name] = true
			}
			_, isBool := f.To.(*bool)
			if _, either := f.To.(**bool); (isBool || either) != (f.Value == "") {
				t.Errorf("%s --%s: a switch has no value, anything else has one", c.Name, f.Name)
			}
		}
	}
}

// The plan is that of the options of create, so plan must take those that change it.
func TestPlanFlags(t *testing.T) {
	var o libcontainer.CreateOptions
	if n := len(planFlags(&o)); n != 7 {
		t.Errorf("plan takes %d options of create, want 7: was one renamed?", n)
	}
}

// No command line makes the parser crash, or arguments appear that were not there.
func FuzzParse(f *testing.F) {
	for _, e := range engineCalls {
		f.Add(e.args)
	}
	f.Add("create --bundle= -- a")
	f.Add("run --bundle  a --generate-shell-completion")
	f.Add("--generate-shell-completion")
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, " ")
		_, _, rest, err := understood(args)
		if err == nil && len(rest) > len(args) {
			t.Errorf("%q: more arguments came out than went in: %q", line, rest)
		}
	})
}

// An option that the command line has not got costs each start of rt page faults and time, though nobody asks for it.
func TestOnlyWhatIsAskedFor(t *testing.T) {
	tr := newTree(
		&Call{Stdout: io.Discard, Stderr: io.Discard, program: "rt"},
		strings.Fields("--root=/r run --bundle /b -d id1"),
	)
	root := tr.root()
	if len(root.Commands) != 1 {
		t.Fatalf("%d commands, want run alone", len(root.Commands))
	}
	var got []string
	for _, f := range append(slices.Clip(root.Flags), root.Commands[0].Flags...) {
		got = append(got, f.Names()[0])
	}
	if want := []string{"root", "bundle", "detach"}; !slices.Equal(got, want) {
		t.Errorf("the tree has the options %q, want %q", got, want)
	}
}

// The message about a mistake knows all options, and values that were read before it was found count once.
func TestMistakeInPartOfTheTree(t *testing.T) {
	_, _, _, err := understood(strings.Fields("run --bundel /b id1"))
	if err == nil || !strings.Contains(err.Error(), `did you mean "--bundle"?`) {
		t.Errorf("the error is %v, want one that suggests --bundle", err)
	}
}
