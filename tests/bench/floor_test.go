package main

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// look tells, from inside, what a container is made of: its mounts in any order, its rights, its devices, its settings.
const look = `while read -r id parent dev root at options rest; do
	type=${rest#*- }
	case ,$options,${type##* }, in *,ro,*) mode=ro ;; *) mode=rw ;; esac
	echo "mount $at ${type%% *} $mode"
done </proc/self/mountinfo
grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status
ls /dev
hostname=$(cat /proc/sys/kernel/hostname) && echo "hostname $hostname"
echo "files $(ulimit -n) umask $(umask) oom $(cat /proc/self/oom_score_adj)"
echo "ping $(cat /proc/sys/net/ipv4/ping_group_range)"
echo "loopback $(cat /sys/class/net/lo/flags)"
`

// TestFloorMakesTheSameContainer holds the floor against runc: a floor that did less would be no floor.
func TestFloorMakesTheSameContainer(t *testing.T) {
	if mode := os.Getenv(innerEnv); mode != "" {
		compareWithRunc(t, mode)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("wants root: it makes cgroups and mount namespaces")
	}
	for _, program := range []string{"gcc", "runc", "busybox"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("wants %s: %v", program, err)
		}
	}
	if _, err := os.Stat("/usr/include/seccomp.h"); err != nil {
		t.Skipf("wants libseccomp-dev: %v", err)
	}
	for _, mode := range modes("") {
		t.Run(mode, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestFloorMakesTheSameContainer$", "-test.v")
			cmd.Env = append(os.Environ(), innerEnv+"="+mode)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
		})
	}
}

func compareWithRunc(t *testing.T, mode string) {
	if err := enterMode(mode); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "rt-bench-test-")
	if err != nil {
		t.Fatal(err)
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		t.Fatal(err)
	}
	tools, err := buildTools(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench(options{Mode: mode, Tools: tools}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { // the state directory is a mount
		if err := syscall.Unmount(b.state, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	}()
	for _, config := range []string{"default", "docker"} {
		want := lines(t, b, contender{Name: "runc", Path: runc}, config)
		got := lines(t, b, contender{Name: floorName, Path: tools.Floor}, config)
		if len(want) < 25 {
			t.Fatalf("runc told only %d lines: is the script broken?\n%s", len(want), strings.Join(want, "\n"))
		}
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("%s, %s: the floor lacks  %s", mode, config, line)
			}
		}
		for _, line := range got {
			if !slices.Contains(want, line) {
				t.Errorf("%s, %s: runc lacks  %s", mode, config, line)
			}
		}
	}
	b.sweep()
	if len(b.found.Notes) > 0 {
		t.Errorf("%q", b.found.Notes)
	}
}

// lines runs the script in a container and returns what it wrote.
func lines(t *testing.T, b *bench, c contender, config string) []string {
	t.Helper()
	out, err := os.CreateTemp(b.state, "stdout")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	argv, err := b.runCommand(c, config, "/bin/sh", "-c", look)
	if err != nil {
		t.Fatal(err)
	}
	b.stdio.Files[1] = out.Fd()
	if _, err := b.spawn(argv); err != nil {
		t.Fatalf("%s, %s: %v", c.Name, config, err)
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// TestFloorKnowsTheConfigs checks the tables of floor.c that no container on this machine may show: masked and
// read-only paths are only visible where the kernel has them.
func TestFloorKnowsTheConfigs(t *testing.T) {
	source := string(floorSource)
	for name, config := range map[string][]byte{"default": defaultConfig, "docker": dockerConfig} {
		var c struct {
			Linux struct{ MaskedPaths, ReadonlyPaths []string }
		}
		if err := json.Unmarshal(config, &c); err != nil {
			t.Fatal(err)
		}
		paths := slices.Concat(c.Linux.MaskedPaths, c.Linux.ReadonlyPaths)
		if len(paths) < 15 {
			t.Fatalf("%s: only %d paths: has the config moved?", name, len(paths))
		}
		for _, path := range paths {
			if !strings.Contains(source, `"`+filepath.Clean(path)+`"`) {
				t.Errorf("%s: floor.c does not know %s", name, path)
			}
		}
	}
}
