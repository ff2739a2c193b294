package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// snapshot checks out the commit of a tree elsewhere, so that the tree can be worked on in the hours of a matrix. It
// returns the tree itself if that has changes, which are to be tested, or if there is no git. remove removes what was
// checked out.
func snapshot(top string) (dir string, remove func(), err error) {
	commit := head(top)
	if commit == "" || isChanged(top) {
		return top, func() {}, nil
	}
	above, err := os.MkdirTemp("", "machines")
	if err != nil {
		return "", nil, err
	}
	dir = filepath.Join(above, "tree")
	out, err := exec.Command("git", "-C", top, "worktree", "add", "--detach", dir, commit).CombinedOutput()
	if err != nil {
		os.Remove(above)
		return "", nil, fmt.Errorf("git worktree add: %w: %s", err, out)
	}
	return dir, func() {
		_ = exec.Command("git", "-C", top, "worktree", "remove", "--force", dir).Run()
		os.Remove(above)
	}, nil
}

// head is the commit of a tree, or nothing where there is no git.
func head(top string) string {
	out, _ := exec.Command("git", "-C", top, "rev-parse", "--short", "HEAD").Output()
	return strings.TrimSpace(string(out))
}

// isChanged tells whether a tree has other content than its commit, besides results.
func isChanged(top string) bool {
	out, err := exec.Command("git", "-C", top, "status", "--porcelain", "--", ".",
		":!"+resultsOfTree, ":!"+pageOfTree).Output()
	return err != nil || len(out) > 0
}
