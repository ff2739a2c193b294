package cli

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
)

func psCommand() *Command {
	format := "table"
	return &Command{
		Name: "ps", Args: "<container-id> [ps options]", Min: 1, Max: anyNumber, InOrder: true,
		Complete: []Candidates{containers},
		Summary:  "list the processes of a container",
		Description: []string{
			"Lists all processes of the container, with their pids on the host. The host's ps(1) prints the table, " +
				"with the options after the ID or -ef; they must include the column PID. The format json is an " +
				"array of pids, and needs no ps.",
		},
		Flags: []Flag{
			{
				Name:     "format",
				Short:    "f",
				Value:    "FORMAT",
				To:       &format,
				Complete: oneOf("table", "json"),
				Usage:    "table or json (default: table)",
			},
		},
		Action: func(c *Call) error { return ps(c, format) },
		Examples: []Row{
			{"rt ps web1", "List the processes of web1"},
			{"rt ps web1 -o pid,rss,args", "List them with their memory"},
			{"rt ps --format json web1", "List their pids as JSON"},
		},
	}
}

func ps(c *Call, format string) error {
	if format != "table" && format != "json" {
		return &diag.Error{Kind: diag.Usage, Field: "--format", Value: format, Problem: "must be table or json"}
	}
	pids, err := c.container().Processes(context.Background())
	if err != nil {
		return err
	}
	var text []byte
	if format == "json" {
		text = appendPids(nil, pids)
	} else if text, err = psTable(pids, c.Args[1:]); err != nil {
		return err
	}
	_, err = c.Stdout.Write(text)
	return err
}

// appendPrintable appends a line of the table: not every ps(1) shows control characters in names as something else.
func appendPrintable(dst, line []byte) []byte {
	text, end := bytes.CutSuffix(line, []byte("\n"))
	dst = append(dst, diag.Printable(string(text))...)
	if end {
		dst = append(dst, '\n')
	}
	return dst
}

// appendPids appends an array of numbers on one line.
func appendPids(dst []byte, pids []int) []byte {
	dst = append(dst, '[')
	for i, pid := range pids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(dst, int64(pid), 10)
	}
	return append(dst, "]\n"...)
}

// psTable runs ps and returns the rows of pids.
func psTable(pids []int, args []string) ([]byte, error) {
	if len(args) == 0 {
		args = []string{"-ef"}
	}
	var said bytes.Buffer
	cmd := exec.Command("ps", args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil, &diag.Error{
			Kind: diag.Host, Problem: "the program ps, which prints the table, is not installed",
			Hint: "install it (Debian: procps), or ask for --format json",
		}
	}
	if err != nil {
		e := &diag.Error{Kind: diag.Host, Problem: "ps " + strings.Join(args, " ") + " failed", Err: err}
		if line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n"); line != "" {
			e.Problem += " says: " + line
		}
		return nil, e
	}
	return keepRows(out, pids)
}

// keepRows returns the head of a table and the rows whose column PID is one of pids.
func keepRows(table []byte, pids []int) ([]byte, error) {
	head, _, _ := bytes.Cut(table, []byte("\n"))
	column := slices.Index(strings.Fields(string(head)), "PID")
	if column < 0 {
		return nil, &diag.Error{Kind: diag.Usage, Problem: "couldn't find PID field in ps output: choose columns " +
			"with PID among them, as in -o pid,args"}
	}
	var kept []byte
	first := true
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if first {
			kept, first = append(kept, line...), false
			continue
		}
		if column >= len(fields) {
			continue
		}
		if pid, err := strconv.Atoi(fields[column]); err == nil && slices.Contains(pids, pid) {
			kept = appendPrintable(kept, line)
		}
	}
	return kept, nil
}
