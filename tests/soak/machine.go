package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"rt/tests/internal/rest"
)

// machine is where the containers are.
type machine struct {
	rt, dir string
	state   string // the state directory
	seed    uint64
	mounts  string // those of the beginning

	// What faults.go makes: a cgroup with few tasks, the file with the limit of one with little memory, and both.
	pids, memory string
	lacking      []string

	listen sync.Once // for terminals

	mu    sync.Mutex
	wrong int    // how much went wrong
	where string // where it is looked, for what goes wrong
}

// newMachine makes the image and one bundle of each kind.
func newMachine(rt string, seed uint64) (*machine, error) {
	dir := os.Getenv("SOAK_DIR")
	m := &machine{dir: dir, state: dir + "/state", seed: seed}
	var err error
	if m.rt, err = filepath.Abs(rt); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return nil, err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return nil, err
	}
	if err := m.image(); err != nil {
		return nil, err
	}
	for _, k := range kinds {
		if err := m.bundle(k); err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	m.mounts = mountTable()
	return m, nil
}

// image is busybox, owned by the root of a user namespace, whom the others can read, too.
func (m *machine) image() error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("busybox-static is not installed: %w", err)
	}
	for _, d := range []string{"bin", "dev", "etc", "proc", "sys", "tmp", "data"} {
		if err := os.MkdirAll(m.dir+"/rootfs/"+d, 0o755); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.dir+"/rootfs/bin/busybox", text, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"sh", "true", "sleep", "cat"} {
		if err := os.Symlink("busybox", m.dir+"/rootfs/bin/"+name); err != nil {
			return err
		}
	}
	return nil
}

// bundle writes the config of a kind.
func (m *machine) bundle(k *kind) error {
	dir := m.dir + "/" + k.name
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command(m.rt, "spec", "--bundle", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("rt spec: %w: %s", err, out)
	}
	text, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		return err
	}
	var c map[string]any
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	c["root"] = map[string]any{"path": m.dir + "/rootfs", "readonly": k.name != "layer"}
	process := c["process"].(map[string]any)
	process["terminal"] = false
	process["args"] = []string{"sleep", "1000"}
	delete(process, "rlimits") // more open files than an rt without descriptors may give
	if k.change != nil {
		k.change(m, c)
	}
	if text, err = json.Marshal(c); err != nil {
		return err
	}
	return os.WriteFile(dir+"/config.json", text, 0o644)
}

// random is the source of one life: the same for each run with a seed.
func (m *machine) random(n int) *rand.Rand {
	return rand.New(rand.NewPCG(m.seed, uint64(n))) //nolint:gosec // repeatable
}

// command is a command of rt.
func (m *machine) command(args ...string) *exec.Cmd {
	cmd := exec.Command(m.rt, append([]string{"--root", m.state}, args...)...)
	cmd.Dir = m.dir
	return cmd
}

// fail tells what went wrong.
func (m *machine) fail(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong++
	fmt.Println("FAILED: " + m.where + fmt.Sprintf(format, args...))
}

// look tells what is left when all containers are gone.
func (m *machine) look() {
	for _, p := range m.processes() {
		m.fail("left: process %s", p)
	}
	if now := mountTable(); now != m.mounts {
		m.fail("the mount table has changed:\n%s\nwas\n%s", now, m.mounts)
	}
	for _, dir := range cgroups(m.tag()) {
		if !slices.Contains(m.lacking, dir) {
			m.fail("left: cgroup %s", dir)
		}
	}
	if left := m.states(); len(left) > 0 {
		m.fail("left: state of %d containers, %s one of them", len(left), left[0])
	}
}

// processes returns those that are left when none is ending or has anything to do, or none comes to rest.
func (m *machine) processes() (names []string) {
	own := fmt.Sprintf("/proc/%d/cmdline", os.Getpid())
	rests := 0
	for end := time.Now().Add(time.Minute); rests < 50 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		names = nil
		rests++
		list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range list {
			if file == "/proc/1/cmdline" || file == own {
				continue
			}
			if text, err := os.ReadFile(file); err == nil {
				names = append(names, strings.ReplaceAll(string(text), "\x00", " "))
			}
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && !rest.Is(pid) {
				rests = 0
			}
		}
		if len(names) == 0 {
			return nil
		}
	}
	return names
}

// tag is in the id of each container: the machine's own cgroups may have those of another soak.
func (m *machine) tag() string { return filepath.Base(m.dir) }

func mountTable() string {
	text, _ := os.ReadFile("/proc/self/mountinfo")
	var lines []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 5 {
			lines = append(lines, strings.Join(f[3:6], " "))
		}
	}
	return strings.Join(lines, "\n")
}

// cgroups are those of the containers of a soak.
func cgroups(tag string) (dirs []string) {
	for _, at := range []string{"", "*/", "*/*/*/"} {
		found, _ := filepath.Glob("/sys/fs/cgroup/" + at + "soak-" + tag + "-*")
		dirs = append(dirs, found...)
	}
	return dirs
}
