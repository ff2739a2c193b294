package libcontainer

import (
	"slices"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Processes returns the pids, as rt's own pid namespace counts, of all processes of a container: those in its cgroup
// and the cgroups below it.
func (r *Runtime) Processes(id string) ([]int, error) {
	o, err := r.openFor(state.Ps, id, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	g, err := cgroup.Load(cgroup.Saved(o.state.Cgroup))
	if err != nil {
		return nil, err
	}
	var pids []int
	if g.Available() {
		pids, err = g.Pids()
	} else if o.status != state.Stopped {
		pids, err = process.InPidNamespaceOf(o.state.Pid)
	}
	slices.Sort(pids)
	return pids, err
}
