package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const (
	resultsOfTree = "tests/vm/results"
	pageOfTree    = "docs/machines.md"
	theMachine    = "the machine: " // begins what failed when no test did
)

// store keeps a result in the cache: the tree may be another one meanwhile, and be at work.
func store(res result) error {
	text, err := json.MarshalIndent(res, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cache("results"), 0o755); err != nil {
		return err
	}
	return os.WriteFile(cache("results", res.Row+"-"+res.Test+".json"), append(text, '\n'), 0o644)
}

// openLog opens a new file of the cache for all that a test prints.
func openLog(name string) (*os.File, error) {
	if err := os.MkdirAll(cache("logs"), 0o755); err != nil {
		return nil, err
	}
	return os.Create(cache("logs", name+".log"))
}

// record copies the results of the cache into the tree, and writes docs/machines.md.
func record() error {
	top, err := topOfTree()
	if err != nil {
		return err
	}
	dir := filepath.Join(top, resultsOfTree)
	for _, r := range rows {
		for _, name := range r.tests {
			file := r.name + "-" + name + ".json"
			if _, err := os.Stat(cache("results", file)); os.IsNotExist(err) {
				continue
			}
			if err := copyFile(cache("results", file), filepath.Join(dir, file)); err != nil {
				return err
			}
		}
	}
	page, err := report(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(top, pageOfTree), page, 0o644)
}

// isFinished tells whether a test has run to its end on a tree that differs from this one by results alone.
func isFinished(top, name string) bool {
	for _, path := range []string{cache("results", name+".json"), filepath.Join(top, resultsOfTree, name+".json")} {
		res, err := load(path)
		if err != nil || slices.ContainsFunc(res.Parts, endedEarly) {
			continue
		}
		_, commit, _ := strings.Cut(res.Version, " ")
		if commit != "" && !differs(top, commit) && !isChanged(top) {
			return true
		}
	}
	return false
}

func endedEarly(p part) bool {
	return slices.ContainsFunc(p.Failed, func(what string) bool { return strings.HasPrefix(what, theMachine) })
}

// differs tells whether the tree has other content than a commit, besides results.
func differs(top, commit string) bool {
	return exec.Command("git", "-C", top, "diff", "--quiet", commit, "--", ".",
		":!"+resultsOfTree, ":!"+pageOfTree).Run() != nil
}

// version is rt's, with the commit when there is one, and "+" after it when the tree has other content.
func version(top string) string {
	text, _ := os.ReadFile(filepath.Join(top, "VERSION"))
	commit := head(top)
	if commit != "" && isChanged(top) {
		commit += "+"
	}
	return strings.TrimSpace(strings.TrimSpace(string(text)) + " " + commit)
}
