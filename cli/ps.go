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
			{`# rt ps web1 -o pid,args
    PID COMMAND
  18798 sleep 1000`, ""},
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
//
// Processes choose their names, with spaces and digits in them. A table in which such a column stands before PID tells
// nothing about pids, so ps makes it once more with a column of rt's own in front, which rt takes away again.
func psTable(pids []int, args []string) ([]byte, error) {
	if len(args) == 0 {
		args = []string{"-ef"}
	}
	table, err := runPs(args)
	if err != nil {
		return nil, err
	}
	head, _, _ := bytes.Cut(table, []byte("\n"))
	columns := strings.Fields(string(head))
	column := slices.Index(columns, "PID")
	if column < 0 {
		return nil, &diag.Error{Kind: diag.Usage, Problem: "couldn't find PID field in ps output: choose columns " +
			"with PID among them, as in -o pid,args"}
	}
	chosen := func(name string) bool { return !strings.Contains(oneWord, " "+name+" ") }
	if !slices.ContainsFunc(columns[:column], chosen) {
		return keepRows(table, column, pids), nil
	}
	if table, err = runPs(append([]string{"-o", "pid=" + ownColumn}, args...)); err != nil {
		return nil, err
	}
	width := bytes.Index(table, []byte(ownColumn)) + len(ownColumn)
	if len(bytes.TrimSpace(table[:max(width, 0)])) != len(ownColumn) {
		return nil, &diag.Error{Kind: diag.Usage, Problem: "a name of a process could be taken for its pid: choose " +
			"columns with PID first, as in -o pid,comm"}
	}
	return withoutColumn(keepRows(table, 0, pids), width), nil
}

// ownColumn is the head of a column of pids that rt itself asks for.
const ownColumn = "RTPID"

// oneWord has the columns of ps(1) that hold one word, which no process chooses.
const oneWord = " F S UID EUID RUID USER EUSER RUSER PID PPID PGID PGRP SID SESS TPGID LWP NLWP TTY TT C NI PRI STAT " +
	"%CPU %MEM VSZ RSS SZ TIME "

// withoutColumn removes the first width bytes of each line, and the space that follows.
func withoutColumn(table []byte, width int) (kept []byte) {
	for line := range bytes.Lines(table) {
		rest := line[min(width, len(line)-1):]
		kept = append(kept, bytes.TrimPrefix(rest, []byte(" "))...)
	}
	return kept
}

// runPs runs ps, and returns its output.
func runPs(args []string) ([]byte, error) {
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
	return out, nil
}

// keepRows returns the head of a table and the rows that have one of pids in a column.
func keepRows(table []byte, column int, pids []int) (kept []byte) {
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
	return kept
}
