package libcontainer

import (
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// hookOutput are the files that the annotations run.oci.hooks.stdout and run.oci.hooks.stderr name: what hooks write is
// appended there, as crun does. A descriptor is -1 without the annotation.
type hookOutput struct{ stdout, stderr int }

// hookFiles opens the files. They are the host's, and only rt writes to them: a hook gets no descriptor of theirs.
func hookFiles(annotations map[string]string) (f hookOutput, err error) {
	f = hookOutput{stdout: -1, stderr: -1}
	if f.stdout, err = hookFile(annotations, "run.oci.hooks.stdout"); err != nil {
		return f, err
	}
	if f.stderr, err = hookFile(annotations, "run.oci.hooks.stderr"); err != nil {
		f.close()
	}
	return f, err
}

func hookFile(annotations map[string]string, name string) (int, error) {
	path := annotations[name]
	if path == "" {
		return -1, nil
	}
	if !strings.HasPrefix(path, "/") {
		return -1, &diag.Error{Kind: diag.Document, Field: "annotations[" + name + "]", Value: path,
			Problem: "is no absolute path"}
	}
	fd, err := unix.Open(path,
		unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0o600)
	var st unix.Stat_t
	if err == nil {
		err = unix.Fstat(fd, &st)
	}
	if err != nil {
		e := diag.Sys("the output of hooks can't be appended there", "open", err)
		e.Field, e.Value = "annotations["+name+"]", path
		return -1, e
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		_ = unix.Close(fd)
		return -1, &diag.Error{Kind: diag.Host, Field: "annotations[" + name + "]", Value: path,
			Problem: "is no regular file: name one that hooks' output is appended to"}
	}
	return fd, nil
}

func (f *hookOutput) close() {
	for _, fd := range [...]int{f.stdout, f.stderr} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
