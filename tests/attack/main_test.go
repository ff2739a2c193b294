package attack

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"rt/tests/internal/criu"
	stagekit "rt/tests/internal/stage"
)

// What all attacks share, made once.
var (
	base          string // a directory for the stages
	plainRT       string // rt as it is
	bareRT        string // rt that can be stripped of its defences
	swapper       string
	hostile       string // a program for containers: testdata/hostile
	busybox       string
	defaultConfig []byte
	lost          = make(map[string]string) // a patch whose old text is not in the source, and why
)

// TestMain runs the tests in a mount namespace of their own, as it is on a machine with systemd: shared.
func TestMain(m *testing.M) {
	if criu.Run() {
		return
	}
	// No other goroutine gets the main thread: one that enters a mount namespace with its thread would take
	// /proc/self/mountinfo of all tests with it.
	runtime.LockOSThread()
	flag.Parse()
	const together = "16" // those that wait need no processor
	_ = flag.Set("test.parallel", together)
	if os.Geteuid() != 0 {
		os.Exit(m.Run()) // only the tests that need no root
	}
	if os.Getenv("ATTACK_APART") == "" {
		cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Args[0] = os.Args[0]
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		cmd.Env = append(os.Environ(), "ATTACK_APART=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		err := cmd.Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			os.Exit(exit.ExitCode())
		} else if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	status := 1
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
	} else {
		status = m.Run()
	}
	_ = os.RemoveAll(base)
	os.Exit(status)
}

// prepare builds the binaries and the machine's stand-ins.
func prepare() (err error) {
	if busybox, err = exec.LookPath("busybox"); err != nil {
		return nil // the tests that need it skip
	}
	if base, err = os.MkdirTemp("", "attack"); err != nil {
		return err
	}
	if err := os.Chmod(base, 0o755); err != nil {
		return err
	}
	nameWays()
	if err := binaries(); err != nil {
		return err
	}
	copied := base + "/busybox" // on the file system of the stages, for links
	text, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(copied, text, 0o755); err != nil {
		return err
	}
	busybox = copied
	spec := exec.Command(plainRT, "spec", "--bundle", base)
	if out, err := spec.CombinedOutput(); err != nil {
		return fmt.Errorf("rt spec: %w: %s", err, out)
	}
	if defaultConfig, err = os.ReadFile(base + "/config.json"); err != nil {
		return err
	}
	return standIns()
}

// binaries builds what the attacks execute, or takes it from ATTACK_BINARIES, where it was built for a machine without
// Go (tests/vm/attack).
func binaries() error {
	dir := os.Getenv("ATTACK_BINARIES")
	if dir == "" {
		dir = base
	}
	plainRT, bareRT, swapper, hostile = dir+"/rt", dir+"/rt-bare", dir+"/swapper", dir+"/hostile"
	if rt := os.Getenv("ATTACK_RT"); rt != "" {
		plainRT = rt
	}
	list := dir + "/lost.json"
	if text, err := os.ReadFile(list); err == nil {
		return json.Unmarshal(text, &lost)
	}
	overlay, err := writeOverlay()
	if err != nil {
		return err
	}
	if os.Getenv("ATTACK_RT") == "" {
		err = build(plainRT, ".")
	}
	if err == nil {
		err = build(bareRT, ".", "-overlay", overlay)
	}
	if err == nil {
		err = build(swapper, "./tests/swapper")
	}
	if err == nil {
		err = build(hostile, "./tests/attack/testdata/hostile")
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(lost)
	if err != nil {
		return err
	}
	return os.WriteFile(list, text, 0o644)
}

// nameWays names the ways by their attacks: the name is in the patched sources, and a further attack in the table must
// not have all of them compiled again.
func nameWays() {
	for i := range attacks {
		a := &attacks[i]
		h := fnv.New64a()
		_, _ = io.WriteString(h, a.name+": "+a.what)
		for k := range a.without {
			a.without[k].name = fmt.Sprintf("way%x.%d", h.Sum64(), k)
		}
	}
}

func build(to, pkg string, flags ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-buildvcs=false", "-o", to}, flags...),
		pkg)...)
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s %s: %w\n%s", strings.Join(flags, " "), pkg, err, out)
	}
	return nil
}

// standIns puts a /dev of our own over the machine's: an attack may change the nodes that are in it.
func standIns() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts our own: %w", err)
	}
	if err := stagekit.MountDev(); err != nil {
		return fmt.Errorf("mount a /dev: %w", err)
	}
	for name, target := range map[string]string{
		"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0",
		"stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			return err
		}
	}
	// As systemd makes it: here rt has to be most careful.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

// writeOverlay writes what `go build -overlay` takes: the edits of plans, and all patches of the table.
func writeOverlay() (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	replace := make(map[string]string)
	sources := make(map[string]string)
	source := func(file string) (string, error) {
		if text, ok := sources[file]; ok {
			return text, nil
		}
		b, err := os.ReadFile(filepath.Join(root, file))
		return string(b), err
	}
	// A Runtime without an edit takes the one of the environment: for create and run, for exec, for mount and device.
	takes := regexp.MustCompile(`Edit: ([\w.]+\.edit)\b`)
	hooked := 0
	files, err := filepath.Glob(root + "/libcontainer/*.go")
	if err != nil {
		return "", err
	}
	for _, file := range files {
		name := "libcontainer/" + filepath.Base(file)
		text, err := source(name)
		if err != nil {
			return "", err
		}
		if strings.HasSuffix(name, "_test.go") || !takes.MatchString(text) {
			continue
		}
		hooked += len(takes.FindAllString(text, -1))
		sources[name] = takes.ReplaceAllString(text, "Edit: attackEditor($1)")
	}
	if hooked != 3 {
		return "", fmt.Errorf("Runtime.edit is passed on %d times, not 3: has it changed?", hooked)
	}
	// And a hostile boot process executes something else than the plan.
	const image, assemble = "nsenter/image.go", "func Assemble(p *Program) (Image, error) {\n"
	text, err := source(image)
	if err != nil || strings.Count(text, assemble) != 1 {
		return "", fmt.Errorf("%s: no Assemble, or it has changed: %w", image, err)
	}
	sources[image] = strings.Replace(text, assemble, assemble+"p = attackBoot(p)\n", 1)
	packages := make(map[string]bool)
	for i := range attacks {
		for k := range attacks[i].without {
			w := &attacks[i].without[k]
			for _, p := range w.patches {
				text, err := source(p.file)
				if err != nil || strings.Count(text, p.old) != 1 {
					lost[w.name] = fmt.Sprintf("%s: the text of the defence is there %d times: %s", p.file,
						strings.Count(text, p.old), p.old)
					continue
				}
				sources[p.file] = strings.Replace(text, p.old,
					strings.ReplaceAll(p.new, "OFF", "attackOff("+strconv.Quote(w.name)+")"), 1)
				packages[filepath.Dir(p.file)] = true
			}
		}
	}
	for dir := range packages {
		text, err := packageClause(root, dir)
		if err != nil {
			return "", err
		}
		sources[dir+"/attack_off.go"] = text + `

import "os"

func attackOff(name string) bool { return os.Getenv("RT_ATTACK_OFF") == name }
`
	}
	replace[root+"/nsenter/attack_edit.go"], err = filepath.Abs("testdata/inject/nsenter.go")
	if err != nil {
		return "", err
	}
	replace[root+"/libcontainer/attack_edit.go"], err = filepath.Abs("testdata/inject/libcontainer.go")
	if err != nil {
		return "", err
	}
	for file, text := range sources {
		to := filepath.Join(base, "overlay", file)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(root, file)] = to
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	return base + "/overlay.json", os.WriteFile(base+"/overlay.json", list, 0o644)
}

// packageClause is the "package NAME" of a directory.
func packageClause(root, dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if m := regexp.MustCompile(`(?m)^package \w+`).Find(b); m != nil && !bytes.HasSuffix(m, []byte("_test")) {
			return string(m), nil
		}
	}
	return "", errors.New("no package in " + dir)
}
