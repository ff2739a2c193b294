package criu

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// defaultPath is searched for criu after PATH, which engines may leave out of a runtime's environment, and which for an
// ordinary user lacks the sbin directories. Only tests change it.
var defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Find returns the path of the program criu: that of name, which contains a slash, or if name is "" the first one in
// PATH.
func Find(name string) (string, error) {
	if name != "" {
		return checkProgram(name)
	}
	for dir := range strings.SplitSeq(os.Getenv("PATH")+":"+defaultPath, ":") {
		if !filepath.IsAbs(dir) {
			continue // never a program in the working directory
		}
		if path := dir + "/criu"; checkExecutable(path) == 0 {
			return path, nil
		}
	}
	return "", &diag.Error{
		Kind: diag.Host, Problem: "the program criu, which dumps and restores processes, is not in PATH: " +
			os.Getenv("PATH"),
		Hint: "install CRIU 3.15 or newer: see https://criu.org",
	}
}

// checkProgram returns the absolute path of the program that the option --criu names.
func checkProgram(name string) (string, error) {
	bad := diag.Error{Kind: diag.Usage, Field: "--criu", Value: name}
	if !strings.Contains(name, "/") {
		bad.Problem = "must be the path of the program, or left out: criu is then searched in PATH"
		return "", &bad
	}
	path, err := filepath.Abs(name)
	if err != nil {
		bad.Err = err
		return "", &bad
	}
	if errno := checkExecutable(path); errno != 0 {
		bad.Problem, bad.Call, bad.Errno = "can't be executed", "access", errno
		return "", &bad
	}
	return path, nil
}

// checkExecutable returns the errno of a path that does not lead to a regular file that rt may execute, or 0.
func checkExecutable(path string) unix.Errno {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EACCES // as execve(2)
	}
	if err == nil {
		err = unix.Access(path, unix.X_OK)
	}
	errno, _ := errors.AsType[unix.Errno](err)
	return errno
}
