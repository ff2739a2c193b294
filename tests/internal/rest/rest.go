// Package rest tells the tests whether a process still has something to do, so that they need not wait for a fixed time
// for what it does: on a busy machine that would be too short, and on another one too long.
package rest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Ended reports whether a process is gone, or a zombie.
func Ended(pid int) bool {
	f := stat("/proc/" + strconv.Itoa(pid) + "/stat")
	return f == nil || f[0] == "Z" || f[0] == "X"
}

// Is reports whether a process waits for something that is outside it: none of its threads runs or ends, and no signal
// that a thread has yet to take is pending. A zombie is at rest too: it waits for its parent.
func Is(pid int) bool {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/[0-9]*")
	for _, task := range tasks {
		f := stat(task + "/stat")
		if f == nil || f[0] == "Z" {
			continue
		}
		const exiting = 0x4 // PF_EXITING of linux/sched.h
		if flags, err := strconv.ParseUint(f[6], 10, 64); err != nil || flags&exiting != 0 || f[0] == "R" {
			return false
		}
		if pending(task + "/status") {
			return false
		}
	}
	return true
}

// stat returns the fields of a stat file of proc(5) that follow the name: the first is the state. It returns nil if
// there is no such process.
func stat(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	_, after, _ := strings.Cut(string(text[max(0, strings.LastIndexByte(string(text), ')')):]), " ")
	f := strings.Fields(after)
	if len(f) < 7 {
		return nil
	}
	return f
}

// pending reports whether a signal is pending that the thread does not block.
func pending(file string) bool {
	text, _ := os.ReadFile(file)
	var sets struct{ own, shared, blocked uint64 }
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		switch name {
		case "SigPnd":
			sets.own = n
		case "ShdPnd":
			sets.shared = n
		case "SigBlk":
			sets.blocked = n
		}
	}
	return (sets.own|sets.shared)&^sets.blocked != 0
}
