package inspect

import (
	"encoding/hex"

	"rt/internal/diag"
	"rt/internal/sys"
)

// KeyringName returns a name for the session keyring of a container. The kernel finds a keyring by its name alone
// (keyctl_join_session_keyring(3)): a container that knew the name of another's keyring could join it, or make one of
// that name first. So half of it is random, and only the state directory has it.
func KeyringName(id string) (string, error) {
	var random [16]byte
	if err := sys.ReadRandom(random[:]); err != nil {
		return "", diag.Sys("the session keyring can't be given a name", "getrandom", err)
	}
	return "_ses." + id + "." + hex.EncodeToString(random[:]), nil
}
