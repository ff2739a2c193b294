package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// memory is what a contender needs, in kilobytes of 1,000 bytes.
//
// A created container is the process that waits for `start`. Private is what only it uses and what
// its end would free; Pss adds its share of pages that others map too (proc(5), smaps_rollup).
type memory struct {
	Contender   string  `json:"contender"`
	PeakDefault float64 `json:"peak_run_default_kb"`
	PeakDocker  float64 `json:"peak_run_docker_kb"`
	Private     float64 `json:"created_private_kb,omitempty"`
	Pss         float64 `json:"created_pss_kb,omitempty"`
	Rss         float64 `json:"created_rss_kb,omitempty"`
	Error       string  `json:"error,omitempty"`
}

// measureMemory asks one contender after the other, so that no two containers share pages.
func (b *bench) measureMemory() {
	for _, c := range b.Contenders {
		m := memory{Contender: c.Name}
		err := b.peaks(c, &m)
		if err == nil && !isFloor(c.Name) {
			err = b.created(c, &m)
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
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/smaps_rollup")
	if err == nil {
		err = m.parse(string(text))
	}
	if removed := b.remove(c, id, pid); err == nil {
		err = removed
	}
	return err
}

// parse reads smaps_rollup, whose kB are 1,024 bytes.
func (m *memory) parse(rollup string) error {
	found := 0
	for line := range strings.Lines(rollup) {
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
		case "Pss:":
			m.Pss = n
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
		"container\n", mode)
	fmt.Fprintf(out, "  %-12s %8s %8s %8s %8s %8s\n", "", "default", "Docker", "private", "Pss", "Rss")
	for _, m := range list {
		switch {
		case m.Error != "":
			fmt.Fprintf(out, "  %-12s left out: %s\n", m.Contender, m.Error)
		case m.Rss == 0:
			fmt.Fprintf(out, "  %-12s %8.0f %8.0f %8s %8s %8s\n", m.Contender, m.PeakDefault, m.PeakDocker, "-", "-",
				"-")
		default:
			fmt.Fprintf(out, "  %-12s %8.0f %8.0f %8.0f %8.0f %8.0f\n",
				m.Contender, m.PeakDefault, m.PeakDocker, m.Private, m.Pss, m.Rss)
		}
	}
}
