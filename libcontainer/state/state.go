// Package state keeps what rt must remember of a container between two commands.
//
// It turns a State into <root>/<id>/state.json and back, the evidence of the moment (is the process alive, is the start socket there, is the
// cgroup frozen) into a Status, and a Status into leave for a command, or the refusal that engines know. rt runs it; the boot process
// never sees it. It refuses to guess: a status is derived each time, never read from disk, and a directory without a whole
// state.json is shown as what it is, the rest of a create that was interrupted.
//
// The directory, all of it the owner's alone (0700, 0600):
//
//	<root>/<id>/             locked with flock(2) by a command that changes the container
//	<root>/<id>/config.json  the document as it was at create
//	<root>/<id>/state.json   a State; its names are stable, see Append
//	<root>/<id>/start.sock   the boot process waits here for `rt start`; gone once it was started
//	<root>/<id>/notify/      mounted in the container: the socket for sd_notify(3) is in it, if rt was called with NOTIFY_SOCKET
//	<root>/<id>/steps        names the steps of its plan that are left; gone likewise
//
// It follows runtime.md#state and runtime.md#lifecycle of the OCI runtime specification 1.3.
package state

import "time"

// Status is where a container is in its life (runtime.md#state). Paused is not of the specification, but of every runtime.
type Status string

// The statuses.
const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

// State is what state.json holds. Its zero value is a container of which nothing is known.
type State struct {
	OCIVersion  string // of the container's config.json
	ID          string
	Bundle      string // absolute path
	Rootfs      string // absolute path
	Owner       uint32 // the effective uid of the rt that made it
	Created     time.Time
	Annotations map[string]string

	// Phase is Creating until create is through; what comes after is not recorded but derived.
	Phase Status
	// Pid is the container's init, or the boot process that will become it, as rt's own pid namespace counts; 0 before it exists.
	Pid int
	// StartTime is field 22 of /proc/PID/stat: with the pid it names one process of this boot for certain.
	StartTime uint64
	Terminal  bool
	// NoNewKeyring says that the container has no session keyring of its own: exec makes none either.
	NoNewKeyring bool
	// Keyring is the name of that keyring. Who knows it can join it, so it has a part that can't be guessed. "" is _ses.ID, of an rt before that.
	Keyring string
	Cgroup  Cgroup
	// IntelRdt is what rt has made in resctrl, and removes with the container.
	IntelRdt IntelRdt
}

// IntelRdt has the fields of rdt.Made, in that order, so that the one converts to the other: directories.
type IntelRdt struct{ Class, Monitor string }

// Cgroup is what package cgroup needs to find the container's cgroup again. It has the fields of cgroup.Saved, in that order, so that
// the one converts to the other.
type Cgroup struct {
	Driver      string
	Paths       map[string]string
	Unit        string
	Slice       string
	Rootless    bool
	Preexisting []string
}
