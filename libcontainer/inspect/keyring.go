package inspect

import (
	"encoding/hex"

	"rt/internal/diag"
	"rt/internal/sys"
)

// KeyringName returns a name for the session keyring of a container. A process joins a keyring by its name
// (keyctl_join_session_keyring(3)): a container that knew the name of another's keyring could join that, or create one
// with that name before. Half of the name is therefore random, and only the state directory has it.
func KeyringName(id string) (string, error) {
	var random [16]byte
	if err := sys.ReadRandom(random[:]); err != nil {
		return "", diag.Sys("no name for the session keyring can be generated", "getrandom", err)
	}
	return "_ses." + id + "." + hex.EncodeToString(random[:]), nil
}
