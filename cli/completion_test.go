package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/state"
)

// offered is what rt answers to a shell that completes the last of words: its first column.
func offered(t *testing.T, words ...string) string {
	t.Helper()
	out, errs, status := rt(t, append(words, completionRequest)...)
	if status != 0 || errs != "" {
		t.Errorf("rt %q: status %d, %s", words, status, errs)
	}
	var list []string
	for line := range strings.Lines(out) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		list = append(list, word)
	}
	return strings.Join(list, " ")
}

// newStateRoot makes a state directory with a container of each id.
func newStateRoot(t *testing.T, ids ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o700); err != nil {
		t.Fatal(err)
	}
	r, err := state.OpenRoot(root, true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, id := range ids {
		c, err := r.Create(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Save(&state.State{ID: id, OCIVersion: "1.3.0", Phase: state.Creating}); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	return root
}

func TestCompletion(t *testing.T) {
	root := newStateRoot(t, "web1", "web2", "db")
	for _, c := range []struct{ line, want string }{
		{"st|", "start state stats"},
		{"|", strings.Join(names(), " ")},
		{"--log|", "--log --log-format"},
		{"--root ROOT --log x kill w|", "web1 web2"},
		{"--root=ROOT delete |", "db web1 web2"},
		{"kill web1 RTM|", "RTMIN RTMAX"},
		{"kill web1 SE|", "SEGV"},
		{"run --no-|", "--no-pivot --no-new-keyring --no-subreaper"},
		{"run |", askDirectories},
		{"run --bundle |", askDirectories},
		{"run -b ./x|", askDirectories},
		{"run --pid-file |", askFiles},
		{"create w|", ""},
		{"list --format |", "table json"},
		{"list --format=j|", "--format=json"},
		{"list -f |", "table json"},
		{"--log-format |", "text json"},
		{"--cgroup-manager sy|", "systemd"},
		{"list --cgroup-manager |", "cgroupfs systemd disabled"},
		{"seccomp |", "compile check diff"},
		{"seccomp check |", askFiles},
		{"seccomp check --call-arch SCMP_ARCH_X|", "SCMP_ARCH_X86 SCMP_ARCH_X86_64 SCMP_ARCH_X32"},
		{"completion |", "bash zsh fish"},
		{"exec --cap CAP_SYS_A|", "CAP_SYS_ADMIN"},
		{"--root ROOT exec web|", "web1 web2"},
		{"--root ROOT exec web1 --|", askFiles}, // the program's own
		{"nonsense |", strings.Join(names(), " ")},
		{"list -- -|", ""},
	} {
		words := strings.Split(strings.TrimSuffix(strings.ReplaceAll(c.line, "ROOT", root), "|"), " ")
		got := offered(t, words...)
		if strings.HasPrefix(c.line, "seccomp check --call") {
			got = strings.Join(sortLike(strings.Fields(got), strings.Fields(c.want)), " ")
		}
		if got != c.want {
			t.Errorf("%q completes to %q, want %q", c.line, got, c.want)
		}
	}
	if out, _, _ := rt(t, "list", "--q", completionRequest); out != "--quiet\tprint only IDs\n" {
		t.Errorf("an option comes without its description: %q", out)
	}
}

// sortLike brings list into the order of another, where it has the same words.
func sortLike(list, order []string) []string {
	var sorted []string
	for _, w := range order {
		for _, l := range list {
			if l == w {
				sorted = append(sorted, l)
			}
		}
	}
	if len(sorted) != len(list) {
		return list
	}
	return sorted
}

// shellLines are typed into a shell on a terminal, with the tab key at the end, and want stands on the screen
// afterwards.
var shellLines = []struct{ typed, want string }{
	{"rt valid", "validate"},
	{"rt --root ROOT delete web-on", "web-only"},
	{"rt list --format j", "json"},
	{"rt --cgroup-manager sy", "systemd"},
	{"rt kill web-only SEG", "SEGV"},
	{"rt run --bundle DIR/bun", "bundle-here"},
	{"rt seccomp com", "compile"},
	{"rt checkpoint --leave-r", "--leave-running"},
}

// The shells themselves say what comes of their scripts.
func TestCompletionInShells(t *testing.T) {
	bin, home := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "rt"), "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bundle-here"), 0o755); err != nil {
		t.Fatal(err)
	}
	root := newStateRoot(t, "web-only")
	for _, shell := range []struct {
		name, setup string
		args        []string
	}{
		{"bash", "PS1='ready> '; source <(rt completion bash)", []string{"--norc", "--noprofile", "-i"}},
		{
			"zsh", "PS1='ready> '; autoload -Uz compinit; compinit -u -D; source <(rt completion zsh)",
			[]string{"-f", "-i"},
		},
		{"fish", "function fish_prompt; echo -n 'ready> '; end; rt completion fish | source", []string{"-i"}},
	} {
		t.Run(shell.name, func(t *testing.T) {
			path, err := exec.LookPath(shell.name)
			if err != nil {
				t.Skip(shell.name + " is not installed")
			}
			s := newScreen(
				t,
				path,
				shell.args,
				[]string{
					"PATH=" + bin + ":" + os.Getenv("PATH"),
					"HOME=" + home,
					"TERM=xterm",
					"LANG=C",
					"XDG_CONFIG_HOME=" + home,
				},
			)
			s.typeLine(shell.setup)
			for i, l := range shellLines {
				s.typeLine(fmt.Sprintf("echo ma''rk%d", i)) // what is typed differs from what is printed
				s.waitFor(fmt.Sprintf("mark%d", i), true)
				s.waitFor("ready> ", true) // what comes before the prompt is not the line editor's
				s.typeText(strings.NewReplacer("ROOT", root, "DIR", dir).Replace(l.typed) + "\t")
				if !s.waitFor(l.want, false) {
					t.Errorf("%q and a tab do not bring %q; the screen has:\n%q", l.typed, l.want, s.seen())
				}
				s.typeText("\x15") // Ctrl-U: drop the line
			}
		})
	}
}

// screen is a terminal with a shell on it.
type screen struct {
	t      *testing.T
	master *os.File
	got    chan []byte
	text   []byte
	from   int // what came before was looked at already
}

func newScreen(t *testing.T, path string, args, env []string) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200})
	cmd := exec.Command(path, args...)
	cmd.Dir = t.TempDir() // no file of it may be offered
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	s := &screen{t: t, master: master, got: make(chan []byte, 64)}
	go func() {
		for {
			b := make([]byte, 4096)
			n, err := master.Read(b)
			if err != nil {
				close(s.got)
				return
			}
			s.got <- b[:n]
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		master.Close()
	})
	return s
}

func (s *screen) typeText(text string) {
	s.from = len(s.text)
	if _, err := s.master.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *screen) typeLine(line string) { s.typeText(line + "\r") }

// waitFor waits until the screen shows text that has come since the last line was typed.
func (s *screen) waitFor(text string, must bool) bool {
	deadline := time.After(time.Minute) // zsh builds its table of completions, on a machine that may be busy
	for !bytes.Contains(s.text[s.from:], []byte(text)) {
		select {
		case b, ok := <-s.got:
			if !ok {
				s.t.Fatalf("the shell has ended:\n%s", s.text)
			}
			s.text = append(s.text, b...)
			if bytes.Contains(b, []byte("\x1b[6n")) || bytes.Contains(b, []byte("\x1b[c")) ||
				bytes.Contains(b, []byte("\x1b[0c")) {
				_, _ = s.master.WriteString("\x1b[?1;2c\x1b[1;1R") // fish asks what terminal this is
			}
		case <-deadline:
			if must {
				s.t.Fatalf("%q never came:\n%s", text, s.text)
			}
			return false
		}
	}
	s.from += bytes.Index(s.text[s.from:], []byte(text)) + len(text)
	return true
}

func (s *screen) seen() string { return string(s.text[s.from:]) }

func TestCompletionShells(t *testing.T) {
	for _, s := range shells {
		out, errs, status := called(t, "runc", "completion", s.name)
		if status != 0 || !strings.Contains(out, "runc") || strings.Contains(out, "PROGRAM") {
			t.Errorf("%s: %d %s%s", s.name, status, errs, out)
		}
	}
	if _, errs, status := rt(t, "completion", "fis"); status != 1 || !strings.Contains(errs, `did you mean "fish"?`) {
		t.Errorf("fis: %d %s", status, errs)
	}
}
