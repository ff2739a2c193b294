package libcontainer

import (
	"encoding/hex"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// nameKeyring names the container's session keyring. The kernel finds a keyring by its name alone
// (keyctl_join_session_keyring(3)), so a container that knew the name of another's could join that, or make one of that
// name first: half of it is random, and only the state directory has it.
func (m *maker) nameKeyring() error {
	if m.o.NoNewKeyring {
		return nil
	}
	var random [16]byte
	if n, err := unix.Getrandom(random[:], 0); err != nil || n < len(random) {
		return diag.Sys("the session keyring can't be given a name", "getrandom", err)
	}
	m.options.Keyring = "_ses." + m.id + "." + hex.EncodeToString(random[:])
	return nil
}
