// Package state stores what rt remembers of a container between two commands.
//
// It turns a State into <root>/<id>/state.json and back. It derives a Status from what can be observed (is the process
// alive, does the start socket exist, is the cgroup frozen), and decides whether a command is legal in that Status; the
// texts of the refusals are those that engines expect. It runs in rt only. A status is derived each time, never read
// from disk. A directory without a complete state.json is the rest of an interrupted create, and is shown as such.
//
// The directory, accessible to its owner only (0700, 0600):
//
//	<root>/<id>/             locked with flock(2) by a command that changes the container
//	<root>/<id>/config.json  the document as it was at create
//	<root>/<id>/state.json   a State; its names are stable, see Append
//	<root>/<id>/start.sock   the boot process waits here for `rt start`, which removes it
//	<root>/<id>/notify/      mounted in the container: the socket of sd_notify(3), if NOTIFY_SOCKET is set
//	<root>/<id>/steps        the remaining steps of the plan, which `rt start` removes
//
// It follows runtime.md#state and runtime.md#lifecycle of the OCI runtime specification 1.3.
package state

import "time"

// Status is the status of a container (runtime.md#state). Paused is not in the specification, but every runtime has it.
type Status string

// The statuses.
const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

// State is the content of state.json. Its zero value is a container of which nothing is known.
type State struct {
	OCIVersion  string // of the container's config.json
	ID          string
	Bundle      string // absolute path
	Rootfs      string // absolute path
	Owner       uint32 // the effective uid of the rt that created it
	Created     time.Time
	Annotations map[string]string

	// Phase is Creating until create succeeds; later statuses are derived, not recorded.
	Phase Status
	// Pid is the container's init, or the boot process that will become it, in rt's pid namespace; 0 before it exists.
	Pid int
	// StartTime is field 22 of /proc/PID/stat: with the pid it identifies one process of this boot.
	StartTime uint64
	Terminal  bool
	// NoNewKeyring says that the container has no session keyring of its own: exec makes none either.
	NoNewKeyring bool
	// Keyring is the name of that keyring. Any process of the same user that knows the name can join it, so a part of
	// it is random. "" means _ses.ID, from an older rt.
	Keyring string
	Cgroup  Cgroup
	// IntelRdt is what rt has made in resctrl and removes with the container.
	IntelRdt IntelRdt
	// Added are the mounts and devices that were added to the running container, in this order.
	Added []Added
}

// Added is a mount that `rt mount` or `rt device add` has added to the running container. It is recorded before it is
// attached, so it may not be there.
type Added struct {
	Destination string // as the container sees it
	Source      string // on the host, of a bind mount or device
	Type        string // of the file system; "bind"
	MountID     uint64 // as statx(2) returns it: the unique one, if the kernel supports that
	Device      string // the rule of a device, in the form of devices.allow; "" for a mount
}

// IntelRdt has the fields of rdt.Created in the same order, so that one converts to the other. They are directories.
type IntelRdt struct{ Class, Monitor string }

// Cgroup is what package cgroup needs to find the container's cgroup. It has the fields of cgroup.Saved in the same
// order, so that one converts to the other.
type Cgroup struct {
	Driver      string
	Paths       map[string]string
	Unit        string
	Slice       string
	Rootless    bool
	Preexisting []string
	Owner       string
}
