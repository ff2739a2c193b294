package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rt/tests/vm/facts"
)

// work is where the shared directory of the host is copied to, and where the command starts.
const work = "/work"

// serve runs the command of the host, tells its status, and ends the machine. It talks through virtio ports: stdout and
// stderr of the command, and on the port "status" a line of facts about the machine and then the exit status.
func serve() {
	for _, cmd := range [][]string{
		{"modprobe", "-qa", "overlay", "fuse", "tun", "loop"},
		{"mkswap", "/dev/vdd"},
		{"swapon", "/dev/vdd"},
	} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			fmt.Printf("guest: %s: %v: %s\n", strings.Join(cmd, " "), err, out) // goes to the journal
		}
	}
	status := port("status")
	line, _ := json.Marshal(facts.Gather())
	fmt.Fprintf(status, "%s\n", line)
	code, err := run()
	if err != nil {
		fmt.Fprintf(status, "guest: %v\n", err)
	} else {
		fmt.Fprintf(status, "%d\n", code)
	}
	powerOff()
}

// port opens the virtio port of the given name, whose node has no such name without udev.
func port(name string) *os.File {
	return openPort(name, os.O_WRONLY)
}

func openPort(name string, flags int) *os.File {
	for _, path := range glob("/sys/class/virtio-ports/*/name") {
		if text, _ := os.ReadFile(path); strings.TrimSpace(string(text)) == name {
			if file, err := os.OpenFile("/dev/"+filepath.Base(filepath.Dir(path)), flags, 0); err == nil {
				return file
			}
		}
	}
	fmt.Fprintf(os.Stderr, "guest: no port %s\n", name)
	powerOff()
	return nil
}

// run unpacks the shared directory from the third disk and runs the command, and returns its exit status.
func run() (int, error) {
	disk, err := os.Open("/dev/vdc")
	if err != nil {
		return 0, err
	}
	if err := unpack(disk, work); err != nil {
		return 0, fmt.Errorf("unpack the shared directory: %w", err)
	}
	text, err := os.ReadFile(work + "/" + facts.CommandFile)
	if err != nil {
		return 0, err
	}
	_ = os.Remove(work + "/" + facts.CommandFile)
	var argv []string
	if err := json.Unmarshal(text, &argv); err != nil {
		return 0, err
	}
	return execute(argv)
}

// execute runs the command with its output on two ports, and returns its exit status as a shell would.
func execute(argv []string) (int, error) {
	stdout, outDone, err := relay(port("stdout"))
	if err != nil {
		return 0, err
	}
	stderr, errDone, err := relay(port("stderr"))
	if err != nil {
		return 0, err
	}
	go answer(stderr)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = work, stdout, stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(stderr, err)
	}
	stdout.Close()
	stderr.Close()
	// Processes that the command has left may hold the pipes forever.
	patience := time.After(2 * time.Second)
	for _, done := range []chan struct{}{outDone, errDone} {
		select {
		case <-done:
		case <-patience:
		}
	}
	if cmd.ProcessState == nil {
		return 127, nil
	}
	switch status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus); {
	case status.Signaled():
		return 128 + int(status.Signal()), nil
	default:
		return status.ExitStatus(), nil
	}
}

// relay returns the writing end of a pipe whose reading end is copied to a port: a port can be open only once, and
// /dev/stderr may be opened again, by anybody.
func relay(to *os.File) (*os.File, chan struct{}, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	if err := write.Chmod(0o666); err != nil {
		return nil, nil, err
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(to, read)
		close(done)
	}()
	return write, done, nil
}

// unpack unpacks an archive of directories, files and symbolic links.
func unpack(archive io.Reader, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, header.Name)
		mode := fs.FileMode(header.Mode) & fs.ModePerm
		switch header.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, mode)
		case tar.TypeSymlink:
			err = os.Symlink(header.Linkname, path)
		default:
			err = unpackFile(path, reader, mode)
		}
		if err != nil {
			return err
		}
	}
}

func unpackFile(path string, content io.Reader, mode fs.FileMode) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, content); err != nil {
		return err
	}
	return out.Close()
}
