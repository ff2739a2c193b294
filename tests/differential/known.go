package main

import "regexp"

// known are the differences that are wanted, each with the reason. A fact is a line as differences prints it.
var known = []struct {
	fact   *regexp.Regexp
	reason string
}{
	{
		regexp.MustCompile(`^[+-] (mount|path) /(proc/(acpi|asound|keys|timer_list|kcore|latency_stats|scsi|interrupts)|sys/(firmware|devices/virtual/powercap)|secret(\.d)?|tmp|etc/passwd|proc/sys/kernel/shmmax) (ro,nosuid,nodev,noexec,relatime|ro,relatime|rw,nosuid|rw,relatime|directory|character)`),
		"what hides a path is nosuid, nodev and noexec, and a directory has mode 755: stricter than others",
	},
	{regexp.MustCompile(`^[+-] status NSpid:`), "rt's exec takes one pid fewer"},
	{regexp.MustCompile(`^[+-] mount /sys/fs/cgroup r[ow],`), "the config says ro"},
	{
		regexp.MustCompile(`^(- status SigIgn:|\+ status SigIgn: 0000000000000000|[+-] status SigCgt:)`),
		"what rt's caller ignores (nohup, a background job of a shell) is not ignored in the container; the shell catches what is not ignored",
	},
	{regexp.MustCompile(`^[+-] status Groups: (7 )?7$`), "exec --additional-gids: others list a group twice"},
	{regexp.MustCompile(`^[+-] hook poststart state`), "the program runs when poststart hooks are called (runtime.md, lifecycle), so that is the status they are told"},
}
