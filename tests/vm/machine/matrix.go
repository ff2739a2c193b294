package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"rt/tests/vm/facts"
)

// A row is a machine of the matrix, and what is run on it.
type row struct {
	name    string
	options string   // of tests/vm/vm
	tests   []string // names of tests
}

// A test is a program of tests/vm with its arguments and environment.
type test struct {
	program string
	files   string // arguments: patterns, from the top of the tree
	env     []string
	about   string
}

var tests = map[string]test{
	"cgroup":  {program: "cgroup", about: "the Go tests of package cgroup, with systemd, BFQ and an RDMA device"},
	"kernels": {program: "kernels", about: "the Go tests that meet the kernel, and the life of a container"},
	"notify":  {program: "notify", about: "containers as services of systemd with Type=notify"},
	"cgroups": {program: "bats", about: "cgroups, update, events, pause, exec_cgroup and systemd.bats, four passes"},
	"life": {
		program: "bats", files: "tests/bats/{lifecycle,run,exec,terminal,userns,mounts,seccomp,checkpoint}.bats",
		env:   []string{"PASSES=cgroupfs user"},
		about: "lifecycle, run, exec, terminal, userns, mounts, seccomp and checkpoint.bats, as root and as a user",
	},
	"bats": {
		program: "bats", files: "tests/bats/*.bats", env: []string{"PASSES=cgroupfs user", "SECONDS_MAX=14400"},
		about: "all of tests/bats, as root and as a user",
	},
	"apparmor": {
		program: "bats", files: "tests/bats/apparmor.bats", env: []string{"PASSES=cgroupfs"},
		about: "apparmor.bats, AppArmor enforcing",
	},
	"attack": {
		program: "attack",
		about:   "tests/attack: what needs systemd, AppArmor, SELinux or CRIU, with each defence and without it",
	},
	"selinux": {
		program: "bats", files: "tests/bats/selinux.bats", env: []string{"PASSES=cgroupfs"},
		about: "selinux.bats, which makes SELinux enforcing where that matters",
	},
}

// rows are the matrix. What is alike on two machines is run on one: each row is there for what the others lack.
var rows = []row{
	{"trixie", "--suite trixie", []string{
		"cgroup", "kernels", "notify", "cgroups", "apparmor", "attack", "life", "bats",
	}},
	{"trixie-selinux", "--suite trixie --lsm selinux", []string{"selinux", "attack"}},
	{"bullseye", "--suite bullseye", []string{"cgroup", "kernels", "cgroups", "life", "bats"}},
	{"bullseye-v1", "--suite bullseye --cgroup v1", []string{"cgroup", "cgroups"}},
	{"bookworm", "--suite bookworm", []string{"cgroup", "kernels", "cgroups"}},
	{"bookworm-hybrid", "--suite bookworm --cgroup hybrid", []string{"cgroup", "cgroups"}},
	{"sid", "--suite sid", []string{"cgroup", "kernels", "cgroups", "life", "bats"}},
	{"arm64", "--arch arm64 --suite trixie", []string{"cgroup", "kernels", "cgroups", "life", "bats"}},
}

// result is what a test of a row has given: a file of tests/vm/results.
type result struct {
	Row     string      `json:"row"`
	Test    string      `json:"test"`
	When    string      `json:"when"` // the day, in UTC
	Version string      `json:"version"`
	Minutes int         `json:"minutes"`
	KVM     bool        `json:"kvm"`
	Machine facts.Facts `json:"machine"`
	Parts   []part      `json:"parts"`
}

// part is a part of a test as tests/vm/parts.sh prints it.
type part struct {
	Name    string   `json:"name"`
	Passed  int      `json:"passed"`
	Failed  []string `json:"failed,omitempty"`
	Skipped []string `json:"skipped,omitempty"`
}

// matrix runs the tests of the chosen rows, "row" or "row/test", and keeps results and logs in the cache. It stops for
// no failure. A test that has ended on this state of the tree is not run again, unless AGAIN is set.
func matrix(chosen []string) (int, error) {
	for _, name := range chosen {
		if !isChoice(name) {
			return statusFailure, fmt.Errorf("%q is no row of the matrix: it is %s, or ROW/TEST", name, rowNames())
		}
	}
	top, err := topOfTree()
	if err != nil {
		return statusFailure, err
	}
	tree, remove, err := snapshot(top)
	if err != nil {
		return statusFailure, err
	}
	defer remove()
	status := 0
	for _, r := range rows {
		for _, name := range r.tests {
			if len(chosen) > 0 && !slices.ContainsFunc(chosen, func(c string) bool { return selects(c, r, name) }) {
				continue
			}
			if os.Getenv("AGAIN") == "" && isFinished(tree, r.name+"-"+name) {
				fmt.Printf("== %s: %s has run: AGAIN=1 runs it again\n", r.name, name)
				continue
			}
			fmt.Printf("== %s: %s\n", r.name, name)
			res, err := runTest(tree, r, name)
			if err != nil {
				say("%s/%s: %v", r.name, name, err)
				status = 1
				continue
			}
			if slices.ContainsFunc(res.Parts, func(p part) bool { return len(p.Failed) > 0 }) {
				status = 1
			}
			if err := store(res); err != nil {
				return statusFailure, err
			}
		}
	}
	return status, nil
}

// isChoice tells whether a name is that of a row, or of a test of one.
func isChoice(name string) bool {
	for _, r := range rows {
		if slices.ContainsFunc(r.tests, func(t string) bool { return selects(name, r, t) }) {
			return true
		}
	}
	return false
}

func selects(choice string, r row, test string) bool {
	return choice == r.name || choice == r.name+"/"+test
}

func rowNames() string {
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	return strings.Join(names, ", ")
}

func topOfTree() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	return filepath.Dir(strings.TrimSpace(string(out))), err
}

// runTest runs a test in its machine. What it prints is shown, and read.
func runTest(top string, r row, name string) (result, error) {
	t := tests[name]
	about, err := os.CreateTemp("", "facts")
	if err != nil {
		return result{}, err
	}
	about.Close()
	defer os.Remove(about.Name())
	log, err := openLog(r.name + "-" + name)
	if err != nil {
		return result{}, err
	}
	defer log.Close()
	var said bytes.Buffer
	cmd := exec.Command("bash", "-c", "exec tests/vm/"+t.program+" "+t.files)
	cmd.Dir = top
	// What is compiled in a new directory is the same as in the one before.
	cmd.Env = append(os.Environ(), "GOFLAGS=-trimpath "+os.Getenv("GOFLAGS"),
		"MACHINE="+r.options, "MACHINE_FACTS="+about.Name())
	cmd.Env = append(cmd.Env, t.env...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, log, &said), io.MultiWriter(os.Stderr, log)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	began, tested := time.Now(), version(top) // the tree may be another one at the end
	failure := cmd.Run()
	res := result{
		Row: r.name, Test: name, When: began.UTC().Format("2006-01-02"), Version: tested,
		Minutes: int(time.Since(began).Round(time.Minute).Minutes()), Parts: readParts(&said),
	}
	res.KVM = machine{arch: archOf(r)}.kvm()
	if text, err := os.ReadFile(about.Name()); err == nil && len(text) > 0 {
		if err := json.Unmarshal(text, &res.Machine); err != nil {
			return res, err
		}
	}
	if failure != nil && !slices.ContainsFunc(res.Parts, func(p part) bool { return len(p.Failed) > 0 }) {
		res.Parts = append(res.Parts, part{Name: "to the end", Failed: []string{theMachine + failure.Error()}})
	}
	return res, nil
}

func archOf(r row) string {
	if strings.Contains(r.options, "arm64") {
		return "arm64"
	}
	return "amd64"
}

var counts = regexp.MustCompile(`^-- (.+): (\d+) passed, (\d+) failed, \d+ skipped$`)

// readParts reads what parts.sh prints.
func readParts(said io.Reader) []part {
	text, _ := io.ReadAll(said)
	var parts []part
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if match := counts.FindStringSubmatch(line); match != nil {
			passed, _ := strconv.Atoi(match[2])
			parts = append(parts, part{Name: match[1], Passed: passed})
		}
		if len(parts) == 0 {
			continue
		}
		last := &parts[len(parts)-1]
		if why, found := strings.CutPrefix(line, "skipped: "); found {
			last.Skipped = append(last.Skipped, strings.Replace(why, ": SKIP: ", ": ", 1))
		}
		if what, found := strings.CutPrefix(line, "failed: "); found {
			last.Failed = append(last.Failed, what)
		}
	}
	return parts
}
