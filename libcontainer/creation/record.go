package creation

import (
	"time"

	"rt/internal/diag"
	"rt/libcontainer/state"
)

// record is the container's directory in the state directory.
type record struct {
	root  *state.Root
	dir   *state.Container // nil until makeDir
	state state.State      // Pid is 0 until the container's process exists
}

// openRoot opens the state directory, and creates it if it is missing.
func (r *record) openRoot(s *Settings) error {
	path, err := s.Root()
	if err != nil {
		return err
	}
	r.root, err = state.OpenRoot(path, true)
	return err
}

// makeDir creates the container's directory, and locks it.
func (r *record) makeDir(id string) (err error) {
	r.dir, err = r.root.Create(id)
	return err
}

// begin records a container that has no process yet.
func (r *record) begin(in *compilation, g *groups) error {
	config := in.spec
	r.state = state.State{
		OCIVersion: config.OCI.Version, ID: in.options.ID, Bundle: config.Bundle, Rootfs: config.Rootfs,
		Owner: in.facts.EUID, Created: time.Now().UTC(), Annotations: config.OCI.Annotations, Phase: state.Creating,
		Cgroup: state.Cgroup(g.cgroup.Saved()), Terminal: config.Process != nil && config.Process.Terminal,
		NoNewKeyring: in.options.NoNewKeyring, Keyring: in.options.Keyring,
	}
	if g.rdt != nil {
		r.state.IntelRdt = state.IntelRdt(g.rdt.Created)
	}
	return r.save()
}

// save writes the state.
func (r *record) save() error { return r.dir.Save(&r.state) }

// readStartTime reads the start time of the container's process. It does not change when the process executes a
// program.
func (r *record) readStartTime() (err error) {
	if r.state.StartTime, err = state.StartTime(r.state.Pid); err != nil {
		return diag.Sys("the start time of the container's process can't be read", "read", err)
	}
	return nil
}

// close closes the directories, and releases the lock.
func (r *record) close() {
	if r.dir != nil {
		r.dir.Close()
	}
	if r.root != nil {
		r.root.Close()
	}
}
