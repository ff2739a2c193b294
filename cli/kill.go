package cli

import (
	"context"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

func killCommand() *Command {
	var all bool
	return &Command{
		Name: "kill", Args: "<container-id> [signal]", Min: 1, Max: 2, InOrder: true,
		Complete: []Candidates{containers, signals},
		Summary:  "send a signal to the container's process",
		Description: []string{
			"Sends a signal to the container's init, by default SIGTERM. The signal is a number or a name with or " +
				"without SIG: 9, KILL and SIGKILL are the same. Real-time signals are RTMIN, RTMIN+n, RTMAX and " +
				"RTMAX-n.",
			"The init of a pid namespace ignores signals that it has no handler for, except SIGKILL and SIGSTOP " +
				"(pid_namespaces(7)). A program that does not handle SIGTERM ends only with SIGKILL.",
		},
		Flags: []Flag{{Name: "all", Short: "a", To: &all, Hidden: true, Usage: "send it to all processes of the " +
			"container"}},
		Action: func(c *Call) error { return kill(c, all) },
		Examples: []Row{
			{"rt kill web1", "Send SIGTERM to the container web1"},
			{"rt kill web1 KILL", "Send SIGKILL to it"},
		},
	}
}

func kill(c *Call, all bool) error {
	sig := unix.SIGTERM
	if len(c.Args) > 1 {
		var err error
		if sig, err = parseSignal(c.Args[1]); err != nil {
			return err
		}
	}
	if all {
		return c.container().KillAll(context.Background(), sig)
	}
	return c.container().Kill(context.Background(), sig)
}

// The real-time signals of programs: the C library uses the first two of the kernel's (signal(7)).
const (
	sigRTMin = 34
	sigRTMax = 64
)

// parseSignal reads the number or the name of a signal. 0 is one too: it tests whether the process exists (kill(2)).
func parseSignal(word string) (unix.Signal, error) {
	if n, err := strconv.Atoi(word); err == nil && n >= 0 && n <= sigRTMax {
		return unix.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(word), "SIG")
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	switch name { // the second names of signal(7), which package unix does not have
	case "IOT":
		return unix.SIGABRT, nil
	case "CLD":
		return unix.SIGCHLD, nil
	case "POLL":
		return unix.SIGIO, nil
	}
	base, sign := 0, 0
	switch {
	case strings.HasPrefix(name, "RTMIN"):
		base, sign = sigRTMin, '+'
	case strings.HasPrefix(name, "RTMAX"):
		base, sign = sigRTMax, '-'
	}
	if base != 0 {
		offset := name[len("RTMIN"):]
		n, err := 0, error(nil)
		if offset != "" {
			n, err = strconv.Atoi(offset)
		}
		if sig := base + n; err == nil && (offset == "" || int(offset[0]) == sign) && sig >= sigRTMin &&
			sig <= sigRTMax {
			return unix.Signal(sig), nil
		}
	}
	return 0, &diag.Error{
		Kind: diag.Usage, Field: "signal", Value: word,
		Problem: "unknown signal: must be a number from 0 to 64, or a name such as TERM, SIGKILL or RTMIN+1",
	}
}
