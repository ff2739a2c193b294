package cgroup

import (
	"slices"
	"strings"

	"rt/libcontainer/host"
)

// limitFile is a file that a limit may be in, and what it holds without one.
type limitFile struct{ controller, file, none, field string }

// limitFilesV1 and limitFilesV2 list the files that systemd writes for its units, and those that depend on them. rt
// reads them before and after an update: so it knows the earlier limits, whichever program has set them.
var (
	limitFilesV2 = []limitFile{
		{"cpu", "cpu.weight", "100", "cpu.shares"},
		{"cpu", "cpu.idle", "0", "cpu.idle"},
		{"cpu", "cpu.max", "max 100000", "cpu.quota"},
		{"cpu", "cpu.max.burst", "0", "cpu.burst"},
		{"cpuset", "cpuset.cpus", "", "cpu.cpus"},
		{"cpuset", "cpuset.mems", "", "cpu.mems"},
		{"io", "io.weight", "default 100", "blockIO.weight"},
		{"io", "io.bfq.weight", "default 100", "blockIO.weight"},
		{"io", "io.max", "", "blockIO"},
		{"memory", "memory.min", "0", `unified["memory.min"]`},
		{"memory", "memory.low", "0", "memory.reservation"},
		{"memory", "memory.high", "max", `unified["memory.high"]`},
		{"memory", "memory.max", "max", "memory.limit"},
		{"memory", "memory.swap.max", "max", "memory.swap"},
		{"memory", "memory.zswap.max", "max", `unified["memory.zswap.max"]`},
		{"memory", "memory.oom.group", "0", `unified["memory.oom.group"]`},
		{"pids", "pids.max", "max", "pids.limit"},
	}
	limitFilesV1 = []limitFile{
		{"cpu", "cpu.shares", "1024", "cpu.shares"},
		{"cpu", "cpu.idle", "0", "cpu.idle"},
		{"cpu", "cpu.cfs_quota_us", "-1", "cpu.quota"},
		{"cpu", "cpu.cfs_period_us", "100000", "cpu.period"},
		{"cpu", "cpu.cfs_burst_us", "0", "cpu.burst"},
		{"blkio", "blkio.weight", "500", "blockIO.weight"},
		{"blkio", "blkio.bfq.weight", "100", "blockIO.weight"},
		{"memory", "memory.limit_in_bytes", unlimitedV1, "memory.limit"},
		{"memory", "memory.memsw.limit_in_bytes", unlimitedV1, "memory.swap"},
		{"memory", "memory.soft_limit_in_bytes", unlimitedV1, "memory.reservation"},
		{"pids", "pids.max", "max", "pids.limit"},
	}
)

// unlimitedV1 is the greatest value of the kernel's page counters, in bytes, with pages of 4 KiB.
const unlimitedV1 = "9223372036854771712"

// coupled are files that change together: by the kernel, or by the library, which resets the swap limit with
// memory.limit.
var coupled = [][]string{
	{"cpu.weight", "cpu.shares", "cpu.idle"},
	{"cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.cfs_burst_us"},
	{"cpu.max", "cpu.max.burst"},
	{"io.weight", "io.bfq.weight"},
	{"memory.max", "memory.swap.max"},
	{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
}

// table returns the table of this machine's mode.
func (g updater) table() []limitFile {
	if g.mode == host.CgroupV2 {
		return limitFilesV2
	}
	return limitFilesV1
}

// isChanged reports whether the update sets a file, or one that is coupled with it.
func (g updater) isChanged(file string) bool {
	about := func(name string) bool {
		return slices.ContainsFunc(
			g.limits.needs,
			func(n need) bool { return n.file == name || g.fileOnHost(&n) == name },
		)
	}
	if about(file) {
		return true
	}
	for _, set := range coupled {
		if slices.Contains(set, file) && slices.ContainsFunc(set, about) {
			return true
		}
	}
	return false
}

// restoreOthers restores the limits that an update does not set, from their earlier values in b. A limit that is at its
// default now was reset by the update: systemd writes the default to every file of a unit for which it has no property.
// Any value but the default was written by another program, and stays.
func (g updater) restoreOthers(b snapshot) error {
	for _, l := range g.table() {
		for _, f := range b {
			if f.file != l.file || f.dir != g.dir(l.controller) || g.isChanged(l.file) ||
				strings.TrimSpace(f.text) == l.none {
				continue
			}
			if now, err := readFile(f.dir, f.file); err != nil || !isReset(f.text, now, l.none) {
				continue
			}
			writeLines(f.dir, f.file, f.text)
			if now, err := readFile(f.dir, f.file); err == nil && isReset(f.text, now, l.none) {
				return limitFiles{g.cgroupSet}.mismatchError("linux.resources."+l.field, f.dir, f.file,
					strings.TrimSpace(f.text), now)
			}
		}
	}
	return nil
}

// isReset reports whether a file is back at its default; for a file with a line per device, whether the default line or
// the line of a device is.
func isReset(was, now, none string) bool {
	if was == now {
		return false
	}
	if was, now = strings.TrimSpace(was), strings.TrimSpace(now); now == none {
		return true
	}
	if !strings.Contains(was, "\n") && !strings.HasPrefix(none, "default") {
		return false
	}
	for line := range strings.SplitSeq(was, "\n") {
		device, _, _ := strings.Cut(line, " ")
		if line != none &&
			(device == "default" && strings.HasPrefix(now+"\n", none+"\n") ||
				!strings.Contains("\n"+now, "\n"+device+" ")) {
			return true
		}
	}
	return false
}
