package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/doctor"
	"rt/libcontainer/host"
)

// Diagnosis is one line of the report of [Examine].
//
//	Subject  "cgroups"
//	Level    its severity
//	Found    what was found
//	Advice   what to do about it; "" if nothing
type Diagnosis = doctor.Finding

// DiagnosisLevel is the severity of a [Diagnosis].
type DiagnosisLevel = doctor.Level

// The levels of a Diagnosis.
const (
	DiagnosisGood    = doctor.Good    // it works
	DiagnosisLimited = doctor.Limited // containers run, with less isolation, fewer features or less speed
	DiagnosisBad     = doctor.Bad     // no container runs until this is fixed
	DiagnosisUnknown = doctor.Unknown // this user has no access, or only running a container would tell
)

// Examine examines whether this machine, and this user, can run containers. The list is in the order in which a
// container needs things. Examine changes nothing; it starts one process, which ends immediately.
func Examine() []Diagnosis { return doctor.Examine() }

// CanRun reports whether list has no Diagnosis of the level [DiagnosisBad].
func CanRun(list []Diagnosis) bool { return doctor.CanRun(list) }

// HasCgroup2 reports whether /sys/fs/cgroup is a mount of cgroup v2: the unified mode.
func HasCgroup2() bool { return cgroup.Mode() == host.CgroupV2 }

// SeccompHint returns a hint that a seccomp filter of this process may have caused an errno. It returns "" if the
// process has no filter, or if filters do not return this errno.
func SeccompHint(errno unix.Errno) string { return host.FilterHint(errno) }

// UnsafeAnnotations returns the annotations of config.json that change how rt creates a container
// (features.md, "Unsafe annotations in config.json"). Each is a name, or a prefix that ends in a dot.
func UnsafeAnnotations() []string { return cgroup.UnsafeAnnotations() }
