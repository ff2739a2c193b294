package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"rt/internal/diag"
	"rt/libcontainer"
)

// statsOptions are the options of stats.
type statsOptions struct {
	format, interval string
	noStream         bool
}

func statsCommand() *Command {
	o := statsOptions{format: "table", interval: "1s"}
	return &Command{
		Name: "stats", Args: "[container-id...]", Min: 0, Max: anyNumber, Complete: []Candidates{containers},
		Summary: "show the resource usage of containers, live",
		Description: []string{
			"Shows a table of all running containers, or of the given ones, until it is interrupted: CPU as a " +
				"percentage of one processor, memory and its limit, processes and their limit, bytes that were read " +
				"from and written to block devices, the number of processes that were OOM-killed, and on cgroup v2 " +
				"the pressure (PSI): the percentage of the last ten seconds in which a process had to wait for the " +
				"CPU, memory or I/O.",
			"The numbers are those of the cgroup of the container. On a terminal each table replaces the last one.",
		},
		Flags: []Flag{
			{Name: "no-stream", To: &o.noStream, Usage: "print one measurement, after one interval, and exit"},
			{
				Name: "interval", Value: "DURATION", To: &o.interval,
				Usage: "time between two measurements, such as 500ms or 5s " +
					"(default: 1s)",
			},
			{
				Name: "format", Short: "f", Value: "FORMAT", To: &o.format, Complete: oneOf("table", "json"),
				Usage: "table, or json: an object on a line for each container and measurement (default: table)",
			},
		},
		Action: func(c *Call) error { return o.run(c) },
		Examples: []Row{
			{"rt stats", "Watch all containers"},
			{"rt stats --no-stream --format json web1 | jq .memory", "Print the memory that web1 uses"},
			{`# rt stats --no-stream web1
ID     CPU %   MEMORY / LIMIT          PIDS / LIMIT   READ   WRITTEN   OOM   PRESSURE cpu mem io
web1   0.0     156.0 KiB / 512.0 MiB   1 / 100        0 B    0 B       0     0.0 0.0 0.0`, ""},
		},
	}
}

// usageLine is what is shown of a container. Its JSON form is stable.
type usageLine struct {
	ID          string    `json:"id"`
	CPU         float64   `json:"cpuPercent"` // of one processor
	CPUTotal    uint64    `json:"cpuNanoseconds"`
	Memory      uint64    `json:"memory"`
	MemoryLimit *uint64   `json:"memoryLimit"` // null: none
	Pids        uint64    `json:"pids"`
	PidsLimit   *uint64   `json:"pidsLimit"`
	Read        uint64    `json:"readBytes"`
	Written     uint64    `json:"writtenBytes"`
	OOMKills    uint64    `json:"oomKills"`
	Pressure    *pressure `json:"pressure,omitempty"` // null on cgroup v1
}

type pressure struct {
	CPU    float64 `json:"cpu"`
	Memory float64 `json:"memory"`
	IO     float64 `json:"io"`
}

func (o *statsOptions) run(c *Call) error {
	if err := checkFormat(o.format, "table"); err != nil {
		return err
	}
	interval, err := time.ParseDuration(o.interval)
	if err != nil || interval <= 0 {
		return &diag.Error{
			Kind: diag.Usage, Field: "--interval", Value: o.interval,
			Problem: intervalProblem,
		}
	}
	last, err := sampleUsage(c, nil)
	if err != nil {
		return err
	}
	height := 0 // of the table on the terminal
	for {
		time.Sleep(interval)
		now, err := sampleUsage(c, last)
		if err != nil {
			return err
		}
		var lines []usageLine
		for _, one := range now {
			lines = append(lines, one.line)
		}
		text := c.appendUsage(nil, lines, o.format, height)
		if _, err := c.Stdout.Write(text); err != nil || o.noStream {
			return err
		}
		if len(now) == 0 && len(c.Args) > 0 {
			return nil // all have ended
		}
		last = now
		if height = 0; c.terminal != nil && o.format == "table" {
			height = len(lines) + 1
		}
	}
}

// usageSample is one measurement of a container.
type usageSample struct {
	usage *libcontainer.ResourceUsage
	line  usageLine
}

// sampleUsage measures the containers of the arguments, or all that run. It leaves out those that have ended since
// last. A container of the arguments that did not exist before is an error.
func sampleUsage(c *Call, last []usageSample) ([]usageSample, error) {
	ids := c.Args
	if len(ids) == 0 {
		list, _, err := c.Runtime.List(context.Background()) // rt list warns of states that can't be read
		if err != nil {
			return nil, err
		}
		for _, one := range list {
			if one.Status == libcontainer.Running || one.Status == libcontainer.Paused {
				ids = append(ids, one.ID)
			}
		}
	}
	var samples []usageSample
	for _, id := range ids {
		u, err := c.Runtime.Container(id).Usage(context.Background())
		if err != nil {
			e, ok := errors.AsType[*diag.Error](err)
			if ok && (last != nil || len(c.Args) == 0) && (e.Kind == diag.Absent || e.Kind == diag.State) {
				continue
			}
			return nil, err
		}
		one := usageSample{u, usageOf(id, u)}
		for i := range last {
			if last[i].line.ID == id {
				one.line.CPU = percent(last[i].usage, u)
			}
		}
		samples = append(samples, one)
	}
	return samples, nil
}

// percent returns the share of one processor between two measurements.
func percent(before, after *libcontainer.ResourceUsage) float64 {
	wall := after.At.Sub(before.At)
	was, is := before.CpuStats.CpuUsage.TotalUsage, after.CpuStats.CpuUsage.TotalUsage
	if wall <= 0 || is < was {
		return 0
	}
	return float64(is-was) / float64(wall) * 100
}

// usageOf returns the line for a measurement, without the share of the CPU.
func usageOf(id string, u *libcontainer.ResourceUsage) usageLine {
	line := usageLine{
		ID: id, CPUTotal: u.CpuStats.CpuUsage.TotalUsage, Memory: u.MemoryStats.Usage.Usage,
		MemoryLimit: limit(u.MemoryStats.Usage.Limit), Pids: u.PidsStats.Current, PidsLimit: limit(u.PidsStats.Limit),
		OOMKills: u.OOMKills,
	}
	for _, e := range u.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(e.Op) {
		case "read":
			line.Read += e.Value
		case "write":
			line.Written += e.Value
		}
	}
	if cpu, memory, io := u.CpuStats.PSI, u.MemoryStats.PSI, u.BlkioStats.PSI; cpu != nil || memory != nil ||
		io != nil {
		line.Pressure = &pressure{some(cpu), some(memory), some(io)}
	}
	return line
}

func some(p *libcontainer.Pressure) float64 {
	if p == nil {
		return 0
	}
	return p.Some.Avg10
}

// limit returns a limit, or nil if there is none: cgroup v1 reports a huge number for that, and rt's accounting 0.
func limit(n uint64) *uint64 {
	if n == 0 || n >= 1<<60 {
		return nil
	}
	return &n
}

// appendUsage appends a measurement of all containers. On a terminal it replaces the previous table, of height lines.
func (c *Call) appendUsage(dst []byte, lines []usageLine, format string, height int) []byte {
	if format == "json" {
		for i := range lines {
			text, err := json.Marshal(&lines[i])
			if err == nil { // every value of a usageLine can be encoded
				dst = append(append(dst, text...), '\n')
			}
		}
		return dst
	}
	rows := [][]string{{
		"ID", "CPU %", "MEMORY / LIMIT", "PIDS / LIMIT", "READ", "WRITTEN", "OOM",
		"PRESSURE cpu mem io",
	}}
	for i := range lines {
		l := &lines[i]
		psi := "-"
		if p := l.Pressure; p != nil {
			psi = oneDecimal(p.CPU) + " " + oneDecimal(p.Memory) + " " + oneDecimal(p.IO)
		}
		rows = append(rows, []string{
			l.ID, oneDecimal(l.CPU), size(l.Memory) + " / " + limitText(l.MemoryLimit, size),
			strconv.FormatUint(l.Pids, 10) + " / " + limitText(l.PidsLimit, func(n uint64) string {
				return strconv.FormatUint(n, 10)
			}),
			size(l.Read), size(l.Written), strconv.FormatUint(l.OOMKills, 10), psi,
		})
	}
	if height > 0 {
		// up, and clear what is below (ECMA-48, CUU and ED)
		dst = append(dst, "\x1b["+strconv.Itoa(height)+"A\x1b[J"...)
	}
	return c.appendTable(dst, rows)
}

// appendTable appends rows, of which the first is the heading, in columns.
func (c *Call) appendTable(dst []byte, rows [][]string) []byte {
	width := make([]int, len(rows[0]))
	for _, r := range rows {
		for k, cell := range r {
			width[k] = max(width[k], len(cell))
		}
	}
	for i, r := range rows {
		var line []byte
		for k, cell := range r {
			line = append(line, cell...)
			if k < len(r)-1 {
				line = append(line, strings.Repeat(" ", width[k]-len(cell)+3)...)
			}
		}
		if c.width > 0 && len(line) > c.width {
			line = line[:c.width] // a wrapped line would shift the next table
		}
		if i == 0 {
			line = c.paint(nil, bold, string(line))
		}
		dst = append(append(dst, line...), '\n')
	}
	return dst
}

func limitText(n *uint64, text func(uint64) string) string {
	if n == nil {
		return "max"
	}
	return text(*n)
}

func oneDecimal(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// size returns a number of bytes with a binary unit.
func size(n uint64) string {
	const unit = 1024
	if n < unit {
		return strconv.FormatUint(n, 10) + " B"
	}
	v, i := float64(n), -1
	for v >= unit && i < len("KMGTPE")-1 {
		v /= unit
		i++
	}
	return oneDecimal(v) + " " + "KMGTPE"[i:i+1] + "iB"
}
