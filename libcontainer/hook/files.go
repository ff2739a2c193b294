package hook

import (
	"strings"

	"golang.org/x/sys/unix"

	"rt/hooks"
	"rt/internal/diag"
	"rt/internal/sys"
)

// openCopies opens the files that the annotations run.oci.hooks.stdout and run.oci.hooks.stderr name. rt appends the
// output of hooks to them, as crun does. They are files of the host: a hook gets no descriptor of them.
func openCopies(annotations map[string]string) (*hooks.Copies, error) {
	stdout, err := openAppend(annotations, "run.oci.hooks.stdout")
	if err != nil {
		return nil, err
	}
	stderr, err := openAppend(annotations, "run.oci.hooks.stderr")
	if err != nil {
		sys.CloseAll(stdout)
		return nil, err
	}
	return &hooks.Copies{Stdout: stdout, Stderr: stderr}, nil
}

// openAppend opens the file that an annotation names; -1 without the annotation.
func openAppend(annotations map[string]string, name string) (int, error) {
	path, field := annotations[name], "annotations["+name+"]"
	if path == "" {
		return -1, nil
	}
	if !strings.HasPrefix(path, "/") {
		return -1, diag.At(field, "must be an absolute path").At(field, path)
	}
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW|
		unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	if err != nil {
		return -1, diag.Sys("the output of hooks can't be appended to the file", "open", err).At(field, path)
	}
	if !sys.IsRegular(fd) {
		_ = unix.Close(fd)
		return -1, &diag.Error{
			Kind: diag.Host, Field: field, Value: path,
			Problem: "must be a regular file, to which the output of hooks is appended",
		}
	}
	return fd, nil
}
