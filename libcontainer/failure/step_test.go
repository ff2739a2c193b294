package failure

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// TestStepHint has steps whose errno has a cause that only the config, or the sentence of the step, shows.
func TestStepHint(t *testing.T) {
	joined := spec.Namespaces{Join: []spec.Join{{Flag: unix.CLONE_NEWPID, Path: "/ns"}}}
	for _, c := range []struct {
		name             string
		call             nsenter.Call
		errno            unix.Errno
		origin, sentence string
		namespaces       spec.Namespaces
		want             string // in the hint
	}{
		{
			"an id without a mapping", nsenter.Fsconfig, unix.EINVAL, "mounts[2].options", "set the option gid=5",
			spec.Namespaces{},
			"does not map this id",
		},
		{
			"an option that is no id", nsenter.Fsconfig, unix.EINVAL, "mounts[2].options", "set the option gid=staff",
			spec.Namespaces{},
			"does not know this option",
		},
		{
			"a pid namespace without an init", nsenter.Clone, unix.ENOMEM, "linux.namespaces[0].path", "clone",
			joined, "init of the pid namespace",
		},
		{
			"with new namespaces too", nsenter.Clone3, unix.ENOMEM, "linux.namespaces", "clone",
			joined, "init of the pid namespace",
		},
		{
			"no memory", nsenter.Clone3, unix.ENOMEM, "linux.namespaces", "clone",
			spec.Namespaces{New: unix.CLONE_NEWPID},
			"",
		},
		{
			"a clock before zero", nsenter.Write, unix.ERANGE, "linux.timeOffsets", "set its offsets",
			spec.Namespaces{},
			"uptime",
		},
		{
			"a process that the kernel rather spares", nsenter.Write, unix.EACCES, "process.oomScoreAdj",
			"set it to -500",
			spec.Namespaces{},
			"CAP_SYS_RESOURCE",
		},
		{
			"a nice value without the right", nsenter.SchedSetattr, unix.EPERM, "process.scheduler",
			"set the policy",
			spec.Namespaces{},
			"CAP_SYS_NICE",
		},
		{
			"an I/O class without the right", nsenter.IoprioSet, unix.EPERM, "process.ioPriority",
			"set the I/O priority",
			spec.Namespaces{},
			"CAP_SYS_NICE",
		},
	} {
		step := nsenter.Step{Call: c.call, Origin: c.origin, Sentence: c.sentence}
		e := Step(&supervise.Failure{Step: &step, Result: -int64(c.errno)}, "",
			&spec.Spec{OCI: &specs.Spec{}, Namespaces: c.namespaces})
		if c.want == "" && e.Hint != "" || !strings.Contains(e.Hint, c.want) {
			t.Errorf("%s: the hint is %q, without %q", c.name, e.Hint, c.want)
		}
	}
}
