package cli

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer"
	"rt/spec"
)

func updateCommand() *Command {
	var file string
	var o libcontainer.UpdateOptions
	limits := limitFlags()
	flags := []Flag{{
		Name: "resources", Short: "r", Value: "FILE", To: &file,
		Usage: "JSON file with the limits, an object like linux.resources of config.json; - is standard input",
	}}
	for i := range limits {
		l := &limits[i]
		flags = append(
			flags,
			Flag{Name: l.name, Value: l.value, Usage: l.usage, Hidden: l.usage == obsolete, To: &l.word},
		)
	}
	flags = append(
		flags,
		Flag{
			Name:  "l3-cache-schema",
			Value: "SCHEMA",
			To:    &o.L3CacheSchema,
			Usage: `share of the L3 cache, such as "L3:0=f", for a container with linux.intelRdt`,
		},
		Flag{
			Name:  "mem-bw-schema",
			Value: "SCHEMA",
			To:    &o.MemBwSchema,
			Usage: `share of the memory bandwidth, such as "MB:0=50", for a container with linux.intelRdt`,
		},
	)
	return &Command{
		Name: "update", Args: "<container-id>", Min: 1, Max: 1, Complete: []Candidates{containers},
		Summary: "change the limits of a container",
		Description: []string{
			"Changes the given limits, and leaves the others unchanged. They are options, or members of a JSON " +
				"document. This document changes nothing, and shows the members:",
			`{"memory": {"limit": 0, "reservation": 0, "swap": 0}, "cpu": {"shares": 0, "quota": 0, "burst": 0, ` +
				`"period": 0, "realtimeRuntime": 0, "realtimePeriod": 0, ` +
				`"cpus": "", "mems": "", "idle": 0}, "blockIO": {"weight": 0}, "pids": {"limit": 0}}`,
			"Sizes are bytes, or end in k, m, g or t for the powers of 1024. -1 removes a limit.",
		},
		Flags:  flags,
		Action: func(c *Call) error { return updateLimits(c, file, limits, &o) },
		Examples: []Row{
			{"rt update --memory 512m --pids-limit 100 web1", "Limit web1 to 512 MiB of memory and 100 processes"},
			{"echo '{\"cpu\": {\"shares\": 512}}' | rt update --resources - web1", "Give it half the usual share of " +
				"the processors"},
		},
	}
}

// limitFlag is an option of update that sets one limit.
type limitFlag struct {
	name, value, usage string
	word               string
	set                func(r *specs.LinuxResources, word string) bool // false: that is no value for it
	want               string
}

// obsolete is the usage of options that only old callers pass.
const obsolete = "no longer has an effect"

// limitFlags has runc's options for limits.
func limitFlags() []limitFlag {
	cpu := func(r *specs.LinuxResources) *specs.LinuxCPU {
		if r.CPU == nil {
			r.CPU = &specs.LinuxCPU{}
		}
		return r.CPU
	}
	memory := func(r *specs.LinuxResources) *specs.LinuxMemory {
		if r.Memory == nil {
			r.Memory = &specs.LinuxMemory{}
		}
		return r.Memory
	}
	const number, size = "must be a number", "must be a size: a number, which may end in k, m, g or t, or -1"
	return []limitFlag{
		{"blkio-weight", "N", "share of block I/O, from 10 to 1000", "", func(r *specs.LinuxResources, w string) bool {
			n, err := strconv.ParseUint(w, 10, 16)
			weight := uint16(n)
			r.BlockIO = &specs.LinuxBlockIO{Weight: &weight}
			return err == nil
		}, number},
		{
			"cpu-period",
			"USEC",
			"period of the quota, in microseconds",
			"",
			func(r *specs.LinuxResources, w string) bool { return unsigned(&cpu(r).Period, w) },
			number,
		},
		{
			"cpu-quota",
			"USEC",
			"processor time in each period, in microseconds",
			"",
			func(r *specs.LinuxResources, w string) bool { return signed(&cpu(r).Quota, w) },
			number,
		},
		{
			"cpu-burst",
			"USEC",
			"unused quota that may accumulate, in microseconds",
			"",
			func(r *specs.LinuxResources, w string) bool { return unsigned(&cpu(r).Burst, w) },
			number,
		},
		{
			"cpu-share",
			"N",
			"share of the processors, relative to other cgroups",
			"",
			func(r *specs.LinuxResources, w string) bool { return unsigned(&cpu(r).Shares, w) },
			number,
		},
		{
			"cpu-rt-period",
			"USEC",
			"period of real-time scheduling, in microseconds; cgroup v1",
			"",
			func(r *specs.LinuxResources, w string) bool { return unsigned(&cpu(r).RealtimePeriod, w) },
			number,
		},
		{
			"cpu-rt-runtime",
			"USEC",
			"real-time runtime in each period, in microseconds; cgroup v1",
			"",
			func(r *specs.LinuxResources, w string) bool { return signed(&cpu(r).RealtimeRuntime, w) },
			number,
		},
		{
			"cpuset-cpus",
			"LIST",
			"processors to use, such as 0-3,7",
			"",
			func(r *specs.LinuxResources, w string) bool { cpu(r).Cpus = w; return true },
			"",
		},
		{
			"cpuset-mems",
			"LIST",
			"memory nodes to use",
			"",
			func(r *specs.LinuxResources, w string) bool { cpu(r).Mems = w; return true },
			"",
		},
		{
			"cpu-idle",
			"N",
			"1 for the scheduling policy SCHED_IDLE, 0 for the normal one",
			"",
			func(r *specs.LinuxResources, w string) bool { return signed(&cpu(r).Idle, w) },
			number,
		},
		{
			"memory",
			"SIZE",
			"memory limit",
			"",
			func(r *specs.LinuxResources, w string) bool { return bytesOf(&memory(r).Limit, w) },
			size,
		},
		{
			"memory-reservation",
			"SIZE",
			"memory that is reclaimed last",
			"",
			func(r *specs.LinuxResources, w string) bool { return bytesOf(&memory(r).Reservation, w) },
			size,
		},
		{
			"memory-swap",
			"SIZE",
			"limit of memory and swap together",
			"",
			func(r *specs.LinuxResources, w string) bool { return bytesOf(&memory(r).Swap, w) },
			size,
		},
		{"pids-limit", "N", "number of processes", "", func(r *specs.LinuxResources, w string) bool {
			r.Pids = &specs.LinuxPids{}
			return signed(&r.Pids.Limit, w)
		}, number},
		{"kernel-memory", "SIZE", obsolete, "", nil, ""},
		{"kernel-memory-tcp", "SIZE", obsolete, "", nil, ""},
	}
}

func unsigned(to **uint64, word string) bool {
	n, err := strconv.ParseUint(word, 10, 64)
	*to = &n
	return err == nil
}

func signed(to **int64, word string) bool {
	n, err := strconv.ParseInt(word, 10, 64)
	*to = &n
	return err == nil
}

// bytesOf reads a size such as 512m or 1.5GiB; -1 is no limit.
func bytesOf(to **int64, word string) bool {
	n, ok := parseSize(word)
	*to = &n
	return ok
}

func parseSize(word string) (int64, bool) {
	if word == "-1" {
		return -1, true
	}
	text := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(word)), "b"), "i")
	shift := 0
	if i := len(text) - 1; i >= 0 {
		if k := strings.IndexByte("kmgtp", text[i]); k >= 0 {
			shift, text = 10*(k+1), strings.TrimSpace(text[:i])
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n << shift, n >= 0 && n<<shift>>shift == n
	}
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false // what Go accepts as a number too: exponents, infinity
	}
	f, err := strconv.ParseFloat(text, 64)
	f *= float64(int64(1) << shift)
	return int64(f), err == nil && f < 1<<62
}

// updateLimits fills in the cgroup's limits of o from the options or the file, and changes all that o has.
func updateLimits(c *Call, file string, limits []limitFlag, o *libcontainer.UpdateOptions) error {
	resources := &specs.LinuxResources{}
	given := ""
	for i := range limits {
		l := &limits[i]
		if l.word == "" {
			continue
		}
		switch {
		case l.usage == obsolete:
			c.Warnings = append(c.Warnings, "--"+l.name+" has no effect: the kernel has no limit of "+
				"its own for this memory")
			continue
		case !l.set(resources, l.word):
			return &diag.Error{Kind: diag.Usage, Field: "--" + l.name, Value: l.word, Problem: l.want}
		}
		given = l.name
	}
	if file != "" {
		if given != "" {
			return &diag.Error{
				Kind:    diag.Usage,
				Field:   "--resources",
				Value:   file,
				Problem: "does not go with --" + given + ": give one or the other",
			}
		}
		raw, err := readInput(file)
		if err != nil {
			return &diag.Error{Kind: diag.Usage, Field: "--resources", Problem: "can't be read", Err: err}
		}
		if resources, err = spec.ParseResources(raw); err != nil {
			return err
		}
	}
	o.Resources = resources
	return c.container().Update(context.Background(), o)
}

// readInput reads a file of the caller's, "-" is standard input.
func readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return sys.ReadInput(file)
}
