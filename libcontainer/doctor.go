package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/doctor"
	"rt/libcontainer/host"
)

// Diagnosis is one line of the report about this machine.
type Diagnosis = doctor.Finding

// DiagnosisLevel is the severity of a [Diagnosis].
type DiagnosisLevel = doctor.Level

// The severities.
const (
	DiagnosisGood   = doctor.Good   // it works
	DiagnosisLess   = doctor.Less   // containers run, with less isolation, fewer features or less speed
	DiagnosisBad    = doctor.Bad    // containers can't run until this is fixed
	DiagnosisUnsure = doctor.Unsure // this user can't find out, or only a trial would tell
)

// Examine reports what this machine and this user have of what containers need, in the order in which they need it. It
// changes nothing, and starts one process that ends at once.
func Examine() []Diagnosis { return doctor.Examine() }

// CanRun reports whether no finding of [Examine] keeps every container from running.
func CanRun(list []Diagnosis) bool { return doctor.CanRun(list) }

// HasCgroup2 reports whether cgroup v2 alone is mounted at /sys/fs/cgroup.
func HasCgroup2() bool { return cgroup.Mode() == host.CgroupV2 }

// SeccompHint returns what may be the reason for an errno if this process runs under a seccomp filter; "" if it does
// not, or if a filter does not explain the errno.
func SeccompHint(errno unix.Errno) string { return host.FilterHint(errno) }

// UnsafeAnnotations returns the annotations of config.json that may give a container more than its engine wants, as
// the features document lists them: a name, or a prefix that ends in a dot.
func UnsafeAnnotations() []string { return cgroup.UnsafeAnnotations() }
