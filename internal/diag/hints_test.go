package diag

import (
	"strings"
	"testing"
)

// Engines look for these words in all that rt says of a failure, and decide by them what has happened: see
// tests/contract. A hint that had them would turn a program that is not there into one that may not be executed, or a
// failure into a container that is gone.
func TestHintsMeanNothingToEngines(t *testing.T) {
	for _, h := range hints {
		for _, words := range []string{
			"permission denied", "operation not permitted", "no such file or directory", "executable file not found",
			"open executable", "is a directory",
			"does not exist", "no such process", "not running", "process already finished", "/attr",
		} {
			if strings.Contains(strings.ToLower(h.hint), words) {
				t.Errorf("the hint %q has the words %q in it", h.hint, words)
			}
		}
	}
}
