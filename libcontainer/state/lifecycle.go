package state

import (
	"strings"

	"rt/internal/diag"
)

// Op is a command that needs a container in certain statuses.
type Op string

// The commands. Those that only read (state, list) and delete --force accept every status.
const (
	Start      Op = "start"
	Pause      Op = "pause"
	Resume     Op = "resume"
	Kill       Op = "kill"
	Delete     Op = "delete"
	Exec       Op = "exec"
	Update     Op = "update"
	Ps         Op = "ps"
	Events     Op = "events"
	Checkpoint Op = "checkpoint"
	Audit      Op = "audit"
	Mount      Op = "mount"
	Umount     Op = "umount"
)

// deleted is the status after delete.
const deleted Status = "deleted"

// lifecycle lists every legal transition. A pair that is absent is refused, so a new command is forbidden at first. No
// command may change a container that is being created.
//
// It is a slice, since a map would be built each time rt starts.
var lifecycle = []struct {
	op     Op
	status Status
	then   Status
}{
	{Start, Created, Running},
	{Pause, Created, Paused},
	{Pause, Running, Paused},
	{Resume, Paused, Running}, // or Created, if that was paused: the start socket tells
	{Kill, Created, Created},
	{Kill, Running, Running},
	{Kill, Paused, Paused},
	{Delete, Stopped, deleted},
	{Delete, Created, deleted}, // as runc: a created container has not run the user's program
	{Exec, Created, Created},
	{Exec, Running, Running},
	{Update, Created, Created},
	{Update, Running, Running},
	{Update, Paused, Paused},
	{Ps, Created, Created},
	{Ps, Running, Running},
	{Ps, Paused, Paused},
	{Ps, Stopped, Stopped},
	{Events, Created, Created},
	{Events, Running, Running},
	{Events, Paused, Paused},
	{Checkpoint, Running, Stopped},
	{Checkpoint, Paused, Stopped},
	{Audit, Running, Running},
	{Audit, Paused, Paused},
	{Mount, Created, Created},
	{Mount, Running, Running},
	{Mount, Paused, Paused},
	{Umount, Created, Created},
	{Umount, Running, Running},
	{Umount, Paused, Paused},
}

// legal reports whether op is legal in status.
func legal(op Op, status Status) bool {
	for _, l := range lifecycle {
		if l.op == op && l.status == status {
			return true
		}
	}
	return false
}

// refusals has the error texts of the pairs that are absent above: other programs depend on them. {id} and {status} are
// filled in.
//
// From "container not running" (any case) after kill containerd's shim (process/utils.go) and CRI-O (runtime_oci.go,
// lower case only) conclude that the container has already stopped, which is success for them. The other texts are
// runc's word for word: scripts around runc and the error patterns of engines expect them.
var refusals = []struct {
	op     Op
	status Status // "": any other
	text   string
}{
	{Kill, "", "container not running: it is {status}"},
	{Exec, Paused, "cannot exec in a paused container (use --ignore-paused to override)"},
	{Exec, Stopped, "cannot exec in a stopped container: container not running"},
	{Exec, "", "cannot exec in a container that is {status}"},
	{Start, Running, "cannot start an already running container"},
	{Start, Stopped, "cannot start a container that has stopped"},
	{Start, "", "cannot start a container in the {status} state"},
	{Delete, "", "cannot delete container {id} that is not stopped: {status}"},
	{Pause, "", "container not running: it is {status}"},
	{Resume, "", "container not paused: it is {status}"},
	{Update, "", "container not running: it is {status}"},
	{Ps, "", "container not running: it is {status}"},
	{Events, "", "container with id {id} is not running: it is {status}"},
	{Audit, Created, "cannot audit a container that has not been started: its program does not run yet"},
	{Audit, "", "container not running: it is {status}"},
	{Mount, "", "container not running: it is {status}"},
	{Umount, "", "container not running: it is {status}"},
	{Checkpoint, "", "container cannot be checkpointed in the {status} state"},
}

// Allow returns nil if op is legal for container id in status, else a *diag.Error with the reason.
func Allow(op Op, id string, status Status) error {
	if legal(op, status) {
		return nil
	}
	return &diag.Error{Kind: diag.State, Problem: refusal(op, id, status)}
}

// refusal returns the text of the first row for op that matches status.
func refusal(op Op, id string, status Status) string {
	for _, r := range refusals {
		if r.op == op && (r.status == status || r.status == "") {
			return strings.ReplaceAll(strings.ReplaceAll(r.text, "{status}", string(status)), "{id}", id)
		}
	}
	panic("state: no refusal for " + string(op) + " of a container that is " + string(status))
}

// noSuch returns the error for an unknown ID. To containerd (process/utils.go, init.go) and CRI-O "does not exist"
// means that nothing is left to do.
func noSuch(id string) *diag.Error {
	return &diag.Error{Kind: diag.Absent, Problem: `container "` + id + `" does not exist`}
}

// inUse returns the error for the ID of an existing container. The words are runc's.
func inUse(id string) *diag.Error {
	return &diag.Error{
		Kind: diag.State, Problem: "container with given ID already exists: " + id,
		Hint: "`rt delete " + id + "` frees the name of a container that has stopped",
	}
}
