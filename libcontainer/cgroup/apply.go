package cgroup

import (
	"path"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fs2"
	"golang.org/x/sys/unix"
)

// limitFiles are the files that the limits are written to. They are read back, and compared with what was written.
type limitFiles struct{ *cgroupSet }

// write writes the limits and the device rules to a cgroup that exists.
func (g limitFiles) write() error {
	if len(g.hierarchies) == 0 {
		return nil
	}
	// Without limits the library's Set changes nothing and still makes seven system calls on v2.
	if len(g.limits.needs) > 0 {
		if err := g.checkBurst(); err != nil {
			return err
		}
		m, err := g.fileManager()
		if err != nil {
			return err
		}
		if err := m.Set(g.libraryConfig().Resources); err != nil {
			return g.limitError(err)
		}
		if err := g.writeDeviceWeights(); err != nil {
			return err
		}
	}
	return deviceRules{g.cgroupSet}.apply()
}

// checkBurst refuses linux.resources.cpu.burst where cgroup v1 has no file for it: before Linux 5.14. The library says
// nothing then.
func (g limitFiles) checkBurst() error {
	burst := g.limits.resources.CpuBurst
	if g.mode == host.CgroupV2 || burst == nil || *burst == 0 {
		return nil
	}
	const file = "cpu.cfs_burst_us"
	dir := g.dir("cpu")
	if err := unix.Access(dir+"/"+file, unix.F_OK); err != nil {
		return g.fileError(dir, file, "", err)
	}
	return nil
}

// fileManager returns the library's manager that reads and writes the files of the cgroup, with either driver.
func (g *cgroupSet) fileManager() (cgroups.Manager, error) {
	if len(g.hierarchies) == 0 {
		return nil, g.NoCgroupError("there is nothing to read or to change")
	}
	var m cgroups.Manager
	var err error
	if g.mode == host.CgroupV2 {
		m, err = fs2.NewManager(g.libraryConfig(), g.hierarchies[0].dir)
	} else {
		c := g.libraryConfig()
		c.Unified = nil // not nil is an error on v1; convert has refused entries already
		m, err = fs.NewManager(c, g.paths())
	}
	if err != nil {
		return nil, &diag.Error{Kind: diag.Host, Field: fieldPath, Problem: "the cgroup can't be used", Err: err}
	}
	return m, nil
}

// libraryErrors maps words in the library's own errors to config fields.
var libraryErrors = []struct{ text, field string }{
	{"cpu-shares", "linux.resources.cpu.shares"}, // the kernel has cut the value to its range
	{"memory+swap", "linux.resources.memory.swap"},
	{"swap limit", "linux.resources.memory.swap"},
	{"memory limit", "linux.resources.memory.limit"},
	{"swappiness", "linux.resources.memory.swappiness"},
}

// limitError turns an error of the library into one that names the field, the file and the reason.
func (g *cgroupSet) limitError(err error) error {
	file := fileOf(err)
	if file == "" {
		// An error of the library's own checks, such as a limit below the present usage.
		e := &diag.Error{Kind: diag.Kernel, Field: "linux.resources", Problem: "a limit can't be set", Err: err}
		for _, own := range libraryErrors {
			if strings.Contains(err.Error(), own.text) {
				e.Field = own.field
				break
			}
		}
		if field := unifiedField(err.Error()); field != "" {
			e.Field = field
		}
		return e
	}
	value := ""
	// The library's text is `failed to write "512": write /sys/...: invalid argument`.
	if _, rest, ok := strings.Cut(err.Error(), "failed to write "); ok {
		if q, qErr := strconv.QuotedPrefix(rest); qErr == nil {
			value, _ = strconv.Unquote(q)
		}
	}
	return g.fileError(path.Dir(file), path.Base(file), value, cause(err))
}

// periodFits reports whether the kernel can take a period, in microseconds (cgroup-v2.rst, "cpu.max";
// kernel/sched/core.c); 0 is none.
func periodFits(period uint64) bool { return period == 0 || period >= 1000 && period <= 1000000 }

// unifiedField returns the entry of linux.resources.unified that an error of the library is about, or "".
func unifiedField(text string) string {
	_, rest, ok := strings.Cut(text, "unified resource ")
	if !ok {
		return ""
	}
	file, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return ""
	}
	return "linux.resources.unified[" + file + "]"
}

// fileError returns the error of a limit that can't be written to a file; without a value the file can't be opened.
func (g *cgroupSet) fileError(dir, file, value string, err error) error {
	e := diag.Sys(dir+"/"+file+" can't be written", "write", err).At(g.limits.field(file), value)
	if file == "cpu.max" && !periodFits(g.limits.resources.CpuPeriod) {
		e.Field = "linux.resources.cpu.period" // which shares the file with the quota
	}
	if value == "" {
		e.Call = "openat2"
	}
	switch e.Errno {
	case unix.ENOENT:
		e.Hint = "this kernel lacks the file, or its controller"
	case unix.EBUSY:
		e.Hint = "the present usage exceeds the new limit"
	case unix.EINVAL, unix.ERANGE, unix.ENODEV:
		e.Hint = "the kernel does not accept the value, or the parent cgroup does not allow it"
	case unix.EOPNOTSUPP:
		e.Hint = "the device must have the I/O scheduler BFQ: see /sys/block/*/queue/scheduler"
	case unix.EACCES, unix.EPERM:
		e.Hint = "the file is not delegated to this user, or the parent cgroup does not allow the value"
	}
	return e
}
