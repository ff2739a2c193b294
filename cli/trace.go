package cli

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/jsonscan"
	"rt/internal/sys"
	"rt/libcontainer"
)

// traceFlag is the option of create, run and exec that traces the steps.
func traceFlag(to *string) Flag {
	return Flag{
		Name: "trace", Value: "FILE", To: to,
		Usage: "write each step with its result and time to FILE: as a page for a browser if its name ends in " +
			".html, else in the trace event format of Perfetto and Chrome; - prints a table to standard error at " +
			"the end",
	}
}

// traced calls call and writes the steps to the file, also after a failure: the last step is then the failed one.
func traced(c *Call, file, title string, to *func(libcontainer.TraceEvent), call func() error) error {
	if file == "" {
		return call()
	}
	out := c.Stderr
	if file != "-" {
		fd, err := sys.OpenOutput(file, unix.O_TRUNC, 0o666)
		if err != nil {
			e := diag.Sys("can't be written", "open", err)
			e.Kind, e.Field, e.Value = diag.Usage, "--trace", file
			return e
		}
		f := os.NewFile(uintptr(fd), file)
		defer func() { _ = f.Close() }()
		out = f
	}
	events := make([]libcontainer.TraceEvent, 0, 256)
	*to = func(e libcontainer.TraceEvent) { events = append(events, e) }
	err := call()
	slices.SortStableFunc(events, func(a, b libcontainer.TraceEvent) int { return cmp.Compare(a.Start, b.Start) })
	var text []byte
	switch {
	case file == "-":
		text = appendTraceTable(nil, events)
	case isHTML(file):
		text = appendTracePage(nil, title, events)
	default:
		text = appendTraceJSON(nil, title, events)
	}
	if _, writeErr := out.Write(text); err == nil && writeErr != nil {
		err = &diag.Error{Kind: diag.Usage, Field: "--trace", Err: writeErr}
	}
	return err
}

// appendTraceJSON appends the steps in the Trace Event Format: complete events in microseconds of CLOCK_MONOTONIC, on
// one track for each part of the plan. Sorted by time, the parts read as a waterfall.
func appendTraceJSON(dst []byte, title string, events []libcontainer.TraceEvent) []byte {
	dst = append(dst, `{"displayTimeUnit":"ns","traceEvents":[`...)
	named, tracks := map[int]bool{}, map[string]int{}
	for i := range events {
		e := &events[i]
		if !named[e.Pid] {
			named[e.Pid] = true
			dst = appendTraceName(dst, "process_name", e.Pid, 0, title)
		}
		// Tracks are numbered in the order in which they begin: viewers sort them by number.
		key := strconv.Itoa(e.Pid) + e.Part
		if tracks[key] == 0 {
			tracks[key] = len(tracks) + 1
			dst = appendTraceName(dst, "thread_name", e.Pid, tracks[key], e.Part)
		}
		dst = appendTraceEvent(dst, e, tracks[key])
	}
	if len(events) > 0 {
		dst = dst[:len(dst)-1] // the comma after the last one
	}
	return append(dst, "\n]}\n"...)
}

func appendTraceName(dst []byte, kind string, pid, tid int, name string) []byte {
	dst = append(append(append(dst, "\n{\"ph\":\"M\",\"name\":\""...), kind...), `","pid":`...)
	dst = strconv.AppendInt(dst, int64(pid), 10)
	dst = strconv.AppendInt(append(dst, `,"tid":`...), int64(tid), 10)
	return append(jsonscan.AppendString(append(dst, `,"args":{"name":`...), name), "}},"...)
}

func appendTraceEvent(dst []byte, e *libcontainer.TraceEvent, tid int) []byte {
	name, _, _ := strings.Cut(e.Text, "(")
	dst = append(dst, "\n{\"ph\":\"X\",\"name\":"...)
	if e.Sentence != "" {
		name += ": " + e.Sentence
	}
	dst = jsonscan.AppendString(dst, name)
	dst = appendMember(dst, "cat", e.Part)
	dst = strconv.AppendInt(append(dst, `,"pid":`...), int64(e.Pid), 10)
	dst = strconv.AppendInt(append(dst, `,"tid":`...), int64(tid), 10)
	dst = appendMicro(append(dst, `,"ts":`...), e.Start)
	dst = appendMicro(append(dst, `,"dur":`...), e.End-e.Start)
	dst = strconv.AppendInt(append(dst, `,"args":{"step":`...), int64(e.Step), 10)
	dst = appendMember(dst, "call", e.Text)
	dst = appendMember(dst, "origin", e.Origin)
	dst = appendMember(dst, "result", result(e.Result))
	return append(dst, "}},"...)
}

// appendMicro appends nanoseconds as microseconds.
func appendMicro(dst []byte, ns int64) []byte {
	return strconv.AppendFloat(dst, float64(ns)/1000, 'f', 3, 64)
}

// result formats the result of a system call like strace(1).
func result(r int64) string {
	if r < 0 && r > -4096 {
		if name := unix.ErrnoName(unix.Errno(-r)); name != "" {
			return name
		}
	}
	return strconv.FormatInt(r, 10)
}

// appendTraceTable appends the steps as a table: start, duration, number, result, call and field; then the slowest.
func appendTraceTable(dst []byte, events []libcontainer.TraceEvent) []byte {
	dst = append(dst, "      at ms    took ms  step  result    call\n"...)
	if len(events) == 0 {
		return dst
	}
	begin, end, part := events[0].Start, events[0].End, ""
	for i := range events {
		e := &events[i]
		if e.Part != part {
			part = e.Part
			dst = append(append(append(dst, "# "...), part...), '\n')
		}
		dst = appendCell(dst, milli(e.Start-begin), 11)
		dst = appendCell(dst, milli(e.End-e.Start), 11)
		dst = appendCell(dst, strconv.Itoa(e.Step), 6)
		r := result(e.Result)
		dst = append(append(dst, "  "...), r...)
		dst = append(dst, strings.Repeat(" ", max(1, 10-len(r)))...)
		dst = append(dst, e.Text...)
		if e.Origin != "" {
			dst = append(append(dst, "  # "...), diag.Printable(e.Origin)...)
		}
		dst = append(dst, '\n')
		end = max(end, e.End)
	}
	dst = append(dst, "# "+strconv.Itoa(len(events))+" steps in "+milli(end-begin)+" ms; the slowest:\n"...)
	for _, e := range slowest(events) {
		dst = appendCell(dst, milli(e.End-e.Start), 22)
		dst = appendCell(dst, strconv.Itoa(e.Step), 6)
		name, _, _ := strings.Cut(e.Text, "(")
		if e.Sentence != "" {
			name += ": " + e.Sentence
		}
		dst = append(append(append(dst, "  "...), diag.Printable(name)...), '\n')
	}
	return dst
}

// appendCell appends a cell that is aligned to the right.
func appendCell(dst []byte, s string, width int) []byte {
	return append(append(dst, strings.Repeat(" ", max(0, width-len(s)))...), s...)
}

// milli is a time in milliseconds.
func milli(ns int64) string { return strconv.FormatFloat(float64(ns)/1e6, 'f', 3, 64) }
