package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// compiled is the text of package plan at which a plan is compiled, and not yet checked.
const compiled = "\tif err := c.check(); err != nil {\n"

// compiler is the file with that text, for the plan of a container and for that of a process that joins one.
const compiler = "libcontainer/plan/compiler.go"

// build builds into dir the probe, the stand-in for CRIU, and rt, which makes the mutant that the environment names. It
// returns the mutants of a restore. Nothing of it is in the tree's own code, or in the ordinary binary: the go command
// is told of other files instead of the tree's.
func build(dir string) ([]*mutant, error) {
	root, err := sourceTree()
	if err != nil {
		return nil, err
	}
	replace := map[string]string{
		root + "/nsenter/mutant.go":           root + "/tests/mutants/testdata/inject/nsenter.go",
		root + "/libcontainer/plan/mutant.go": root + "/tests/mutants/testdata/inject/plan.go",
	}
	text, err := os.ReadFile(filepath.Join(root, compiler))
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(text), compiled); n != 1 {
		return nil, fmt.Errorf("%s checks plans at %d points in the way that is known here, not at 1", compiler, n)
	}
	changed := strings.Replace(string(text), compiled, "\tmutate(&c.plan)\n"+compiled, 1)
	to := filepath.Join(dir, filepath.Base(compiler))
	if err := os.WriteFile(to, []byte(changed), 0o644); err != nil {
		return nil, err
	}
	replace[filepath.Join(root, compiler)] = to
	restoring, err := rewriteSources(root, dir, replace)
	if err != nil {
		return nil, err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(dir+"/overlay.json", overlay, 0o644); err != nil {
		return nil, err
	}
	if err := goBuild(root, dir+"/rt", ".", "-overlay", dir+"/overlay.json"); err != nil {
		return nil, err
	}
	if err := goBuild(root, dir+"/probe", "./tests/mutants/probe"); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir+"/criu", 0o755); err != nil {
		return nil, err
	}
	if err := copyFile("/proc/self/exe", dir+"/criu/criu", 0o755); err != nil {
		return nil, err
	}
	return restoring, configs(root, dir)
}

// configs puts into dir the configs that the scenarios change: that of `rt spec`, and what Docker wrote once.
func configs(root, dir string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("busybox-static is not installed: %w", err)
	}
	for from, to := range map[string]string{
		busybox: "busybox",
		root + "/tests/bench/testdata/docker.json": "docker.json",
	} {
		if err := copyFile(from, dir+"/"+to, 0o755); err != nil {
			return err
		}
	}
	for name, options := range map[string][]string{"default": nil, "rootless": {"--rootless"}} {
		at := dir + "/" + name
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		cmd := exec.Command(dir+"/rt", append([]string{"spec", "--bundle", at}, options...)...)
		if name == "rootless" {
			if err := os.Chown(at, ordinaryUser, ordinaryUser); err != nil {
				return err
			}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{
				Uid: ordinaryUser,
				Gid: ordinaryUser,
			}}
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("rt spec: %w: %s", err, out)
		}
		if err := os.Rename(at+"/config.json", at+".json"); err != nil {
			return err
		}
	}
	return nil
}

// ordinaryUser calls rt where root does not.
const ordinaryUser = 1000

func goBuild(root, to, pkg string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", to}, flags...)
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// sourceTree finds the tree of rt that the working directory is in.
func sourceTree() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil && dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir + "/libcontainer/plan/plan.go"); err == nil {
			return dir, nil
		}
	}
	return "", errors.Join(errors.New("the working directory is not in the source of rt"), err)
}
