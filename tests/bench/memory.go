package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// memory is what a contender needs, in kilobytes of 1,000 bytes.
//
// A created container is the process that waits for `start`; a foreground `run` is the runtime that waits for its
// program.
type memory struct {
	Contender   string  `json:"contender"`
	PeakDefault float64 `json:"peak_run_default_kb"`
	PeakDocker  float64 `json:"peak_run_docker_kb"`
	Created     rollup  `json:"created,omitzero"`
	Waiting     rollup  `json:"waiting_run,omitzero"`
	Error       string  `json:"error,omitempty"`
}

// rollup is the memory of a process (proc(5), smaps_rollup). Private is what no other process maps, which includes the
// runtime's executable if this is the only process of it; Anonymous is what each process has of its own.
type rollup struct {
	Private   float64 `json:"private_kb"`
	Anonymous float64 `json:"anonymous_kb"`
	Rss       float64 `json:"rss_kb"`
}

// measureMemory asks one contender after the other, so that no two containers share pages.
func (b *bench) measureMemory() {
	for _, c := range b.Contenders {
		m := memory{Contender: c.Name}
		err := b.peaks(c, &m)
		if err == nil && !isFloor(c.Name) {
			err = b.created(c, &m)
		}
		if err == nil && !isFloor(c.Name) {
			err = b.waiting(c, &m)
		}
		if err != nil {
			m.Error = err.Error()
		}
		b.found.Memory = append(b.found.Memory, m)
	}
}

func (b *bench) peaks(c contender, m *memory) (err error) {
	if m.PeakDefault, err = b.peak(c, "default"); err != nil {
		return err
	}
	m.PeakDocker, err = b.peak(c, "docker")
	return err
}

// peak is the largest resident set of any process of a `run`, the highest of five runs.
func (b *bench) peak(c contender, config string) (float64, error) {
	argv, err := b.runCommand(c, config, "/bin/true")
	if err != nil {
		return 0, err
	}
	highest := 0.0
	for range 5 {
		bytes, err := b.peakOnce(argv)
		if err != nil {
			return 0, err
		}
		highest = max(highest, bytes/1000)
	}
	return highest, nil
}

func (b *bench) peakOnce(argv []string) (float64, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer read.Close()
	cmd := exec.Command(b.Tools.Peak, argv...)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{write}, b.log
	err = cmd.Run()
	write.Close()
	if err != nil {
		return 0, err
	}
	var bytes float64
	if _, err := fmt.Fscanf(read, "peak %g\n", &bytes); err != nil {
		return 0, fmt.Errorf("peak: %w", err)
	}
	return bytes, nil
}

func (b *bench) created(c contender, m *memory) error {
	id := containerID(c, 0)
	dir, err := b.bundle(id, "default", "sleep", "3600")
	if err != nil {
		return err
	}
	pid, _, err := b.create(c, id, dir)
	if err != nil {
		return err
	}
	err = m.Created.read(pid)
	if removed := b.remove(c, id, pid); err == nil {
		err = removed
	}
	return err
}

// waiting measures a `run` in the foreground whose program has run for a while.
func (b *bench) waiting(c contender, m *memory) error {
	id := containerID(c, 0)
	dir, err := b.bundle(id, "default", "sleep", "3600")
	if err != nil {
		return err
	}
	file := filepath.Join(b.state, id+".pid")
	_ = os.Remove(file) // of an earlier container
	argv := b.command(c, "run", "--bundle", dir, "--pid-file", file, id)
	run, err := syscall.ForkExec(argv[0], argv, &b.stdio)
	if err != nil {
		return err
	}
	program, err := waitForProgram(file, "sleep")
	if err == nil {
		const whatComesAfterTheStart = 300 * time.Millisecond
		time.Sleep(whatComesAfterTheStart)
		err = m.Waiting.read(run)
		_ = syscall.Kill(program, syscall.SIGKILL) // run then deletes the container
	} else {
		_ = syscall.Kill(run, syscall.SIGTERM)
	}
	if ended := wait(run, nil, nil); err == nil {
		err = ended
	}
	return err
}

// waitForProgram waits until the process whose pid a file has is the program.
func waitForProgram(file, program string) (int, error) {
	const step, steps = 10 * time.Millisecond, 500
	for range steps {
		time.Sleep(step)
		text, _ := os.ReadFile(file) // missing at first
		pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
		if err != nil {
			continue
		}
		name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
		if string(bytes.TrimSpace(name)) == program {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("%s: no process %s after %v", file, program, step*steps)
}

func (m *rollup) read(pid int) error {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err != nil {
		return err
	}
	return m.parse(string(text))
}

// parse reads smaps_rollup, whose kB are 1,024 bytes.
func (m *rollup) parse(text string) error {
	found := 0
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != 3 || f[2] != "kB" {
			continue
		}
		n, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return fmt.Errorf("smaps_rollup: %q: %w", line, err)
		}
		n *= 1.024
		switch f[0] {
		case "Private_Clean:", "Private_Dirty:":
			m.Private += n
		case "Anonymous:":
			m.Anonymous = n
		case "Rss:":
			m.Rss = n
		default:
			continue
		}
		found++
	}
	if found != 4 {
		return fmt.Errorf("smaps_rollup: %d of 4 fields", found)
	}
	return nil
}

func printMemory(out io.Writer, mode string, list []memory) {
	fmt.Fprintf(out, "\nmemory, cgroup %s, kB: peak of run with the default and the Docker config, then a created "+
		"container, then a run that waits\n", mode)
	fmt.Fprintf(out, "  %-12s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "default", "Docker", "private", "anon", "Rss",
		"private", "anon", "Rss")
	for _, m := range list {
		if m.Error != "" {
			fmt.Fprintf(out, "  %-12s left out: %s\n", m.Contender, m.Error)
			continue
		}
		fmt.Fprintf(out, "  %-12s %8.0f %8.0f", m.Contender, m.PeakDefault, m.PeakDocker)
		for _, r := range []rollup{m.Created, m.Waiting} {
			if r.Rss == 0 {
				fmt.Fprintf(out, " %8s %8s %8s", "-", "-", "-")
				continue
			}
			fmt.Fprintf(out, " %8.0f %8.0f %8.0f", r.Private, r.Anonymous, r.Rss)
		}
		fmt.Fprintln(out)
	}
}
