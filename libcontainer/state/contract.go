package state

import (
	"strings"

	"rt/internal/diag"
)

// Op is a command that wants a container in a certain status.
type Op string

// The commands. Those that only look (state, list) and delete --force take a container as it is.
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
)

// deleted is what delete makes of a container.
const deleted Status = "deleted"

// lifecycle is every legal move: what a command makes of each status. A pair that is absent is refused, so a new command starts out forbidden.
// A container in creation is its creator's alone.
//
// It is a list and not a map, which would have to be built each time rt starts.
var lifecycle = []struct {
	op     Op
	status Status
	then   Status
}{
	{Start, Created, Running},
	{Pause, Created, Paused},
	{Pause, Running, Paused},
	{Resume, Paused, Running}, // or Created, if that is what was paused: the start socket tells
	{Kill, Created, Created},
	{Kill, Running, Running},
	{Kill, Paused, Paused},
	{Delete, Stopped, deleted},
	{Delete, Created, deleted}, // as runc: a created container has run nothing of the user's
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
}

// legal reports whether op may be done in status.
func legal(op Op, status Status) bool {
	for _, l := range lifecycle {
		if l.op == op && l.status == status {
			return true
		}
	}
	return false
}

// refusals has the wording for pairs that are absent above, for other programs decide by it. {id} and {status} are filled in.
//
// "container not running" (any case) after kill tells containerd's shim (process/utils.go) and CRI-O (runtime_oci.go, lower case only) that the
// container is already gone, which is a success for them. The other texts are runc's word for word: scripts around runc and
// the error patterns of engines know them.
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
	{Checkpoint, "", "container cannot be checkpointed in the {status} state"},
}

// Allow returns nil if op may be done to container id while it is in status, else a *diag.Error that says why not.
func Allow(op Op, id string, status Status) error {
	if legal(op, status) {
		return nil
	}
	return &diag.Error{Kind: diag.State, Problem: refusal(op, id, status)}
}

// refusal finds the first row for op that fits status.
func refusal(op Op, id string, status Status) string {
	for _, r := range refusals {
		if r.op == op && (r.status == status || r.status == "") {
			return strings.ReplaceAll(strings.ReplaceAll(r.text, "{status}", string(status)), "{id}", id)
		}
	}
	panic("state: no refusal for " + string(op) + " of a container that is " + string(status))
}

// noSuch is the error for an id that nobody has. containerd (process/utils.go, init.go) and CRI-O take "does not exist" for
// "nothing left to do".
func noSuch(id string) *diag.Error {
	return &diag.Error{Kind: diag.Absent, Problem: `container "` + id + `" does not exist`}
}

// inUse is the error for an id that somebody has. The words are runc's.
func inUse(id string) *diag.Error {
	return &diag.Error{
		Kind: diag.State, Problem: "container with given ID already exists: " + id,
		Hint: "`rt delete " + id + "` frees the name of a container that has stopped",
	}
}
