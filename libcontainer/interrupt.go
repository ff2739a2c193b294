package libcontainer

import (
	"rt/internal/diag"
	"rt/libcontainer/foreground"
)

// interrupted is an error if rt was told to end.
func interrupted() error {
	if foreground.TakeEnd() {
		return &diag.Error{Kind: diag.Host, Problem: "rt got a signal to end before the container was made"}
	}
	return nil
}
