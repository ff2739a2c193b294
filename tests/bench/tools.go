package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

var (
	//go:embed floor.c
	floorSource []byte
	//go:embed filter.c
	filterSource []byte
	//go:embed peak.c
	peakSource []byte
	//go:embed gofloor/main.go
	goFloorSource []byte
)

// tools are the programs in this directory, compiled, and the seccomp filter that the floor loads.
type tools struct {
	Floor, GoFloor, Peak, Filter string
}

// buildTools compiles the programs into dir and makes the filter of the Docker config.
func buildTools(dir string) (t tools, err error) {
	if t.Floor, err = compile(dir, "floor", floorSource, "-static"); err != nil {
		return t, err
	}
	if t.GoFloor, err = compileGo(dir, "gofloor", goFloorSource); err != nil {
		return t, err
	}
	if t.Peak, err = compile(dir, "peak", peakSource, "-static"); err != nil {
		return t, err
	}
	filter, err := compile(dir, "filter", filterSource, "-lseccomp")
	if err != nil {
		return t, fmt.Errorf("%w (libseccomp-dev is needed)", err)
	}
	rules, err := filterRules(dockerConfig)
	if err != nil {
		return t, err
	}
	cmd := exec.Command(filter)
	cmd.Stdin, cmd.Stderr = strings.NewReader(rules), os.Stderr
	code, err := cmd.Output()
	if err != nil {
		return t, fmt.Errorf("make the seccomp filter: %w", err)
	}
	t.Filter = filepath.Join(dir, "docker.bpf")
	return t, os.WriteFile(t.Filter, code, 0o644)
}

func compile(dir, name string, source []byte, flags ...string) (string, error) {
	file, program := filepath.Join(dir, name+".c"), filepath.Join(dir, name)
	if err := os.WriteFile(file, source, 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command("gcc", append([]string{"-O2", "-o", program, file}, flags...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s.c: %w\n%s", name, err, text)
	}
	return program, nil
}

// compileGo builds a program without dependencies, as small as the linker makes it.
func compileGo(dir, name string, source []byte) (string, error) {
	file, program := filepath.Join(dir, name+".go"), filepath.Join(dir, name)
	if err := os.WriteFile(file, source, 0o644); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=off", "GOFLAGS=-trimpath")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s.go: %w\n%s", name, err, text)
	}
	return program, nil
}

// The names of config-linux.md#seccomp that the recorded profile uses, as seccomp(2) and libseccomp number them.
var (
	seccompActions = map[string]uint32{"SCMP_ACT_ALLOW": 0x7fff0000, "SCMP_ACT_ERRNO": 0x00050000}
	seccompForeign = map[string]uint32{
		"SCMP_ARCH_X86_64": 0xc000003e, "SCMP_ARCH_X86": 0x40000003,
		"SCMP_ARCH_X32": 0x4000003e,
	}
	seccompOps = map[string]int{
		"SCMP_CMP_NE": 1, "SCMP_CMP_LT": 2, "SCMP_CMP_LE": 3, "SCMP_CMP_EQ": 4,
		"SCMP_CMP_GE": 5, "SCMP_CMP_GT": 6, "SCMP_CMP_MASKED_EQ": 7,
	}
)

// filterRules writes linux.seccomp of a config as filter.c reads it.
func filterRules(config []byte) (string, error) {
	var c struct {
		Linux struct {
			Seccomp struct {
				DefaultAction   string
				DefaultErrnoRet uint32
				Architectures   []string
				Syscalls        []seccompRule
			}
		}
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return "", err
	}
	profile := c.Linux.Seccomp
	var b strings.Builder
	action, err := seccompAction(profile.DefaultAction, &profile.DefaultErrnoRet)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&b, "default %#x\n", action)
	for _, name := range profile.Architectures {
		arch, ok := seccompForeign[name]
		if !ok {
			return "", fmt.Errorf("linux.seccomp.architectures: no number is known for %q", name)
		}
		if name != "SCMP_ARCH_X86_64" { // the profile was recorded on amd64, where libseccomp adds this one itself
			fmt.Fprintf(&b, "arch %#x\n", arch)
		}
	}
	for _, rule := range profile.Syscalls {
		if err := rule.write(&b); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

type seccompRule struct {
	Names    []string
	Action   string
	ErrnoRet *uint32
	Args     []struct {
		Index           int
		Value, ValueTwo uint64
		Op              string
	}
}

func (r *seccompRule) write(b *strings.Builder) error {
	action, err := seccompAction(r.Action, r.ErrnoRet)
	if err != nil {
		return err
	}
	for _, name := range r.Names {
		b.WriteString("rule " + strconv.FormatUint(uint64(action), 10) + " " + name)
		for _, a := range r.Args {
			op, ok := seccompOps[a.Op]
			if !ok {
				return fmt.Errorf("linux.seccomp.syscalls: no number is known for %q", a.Op)
			}
			fmt.Fprintf(b, " %d %d %d %d", a.Index, op, a.Value, a.ValueTwo)
		}
		b.WriteByte('\n')
	}
	return nil
}

// seccompAction adds the errno of an ERRNO action, which is EPERM where none is given.
func seccompAction(name string, errno *uint32) (uint32, error) {
	action, ok := seccompActions[name]
	switch {
	case !ok:
		return 0, fmt.Errorf("linux.seccomp: no number is known for %q", name)
	case name == "SCMP_ACT_ERRNO" && errno != nil:
		action |= *errno
	case name == "SCMP_ACT_ERRNO":
		action |= 1 // EPERM
	}
	return action, nil
}
