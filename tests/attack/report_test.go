package attack

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
)

// row is an attack on rt without one of its defences, for the report of `make mutants`: tests/mutants/attacks.go.
type row struct {
	Attack, What string
	Defence      string // what was taken out
	Won          string // what the attack gained then; "" nothing
}

var reporting sync.Mutex

// report appends a row to the file that ATTACK_REPORT names.
func (w *way) report(a *attack, won string) error {
	file := os.Getenv("ATTACK_REPORT")
	if file == "" {
		return nil
	}
	text, err := json.Marshal(row{a.name, a.what, w.defence(), won})
	if err != nil {
		return err
	}
	reporting.Lock()
	defer reporting.Unlock()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(text, '\n'))
	return err
}

// defence names what a way takes out: steps of the plan, and text of the source.
func (w *way) defence() string {
	var parts []string
	for line := range strings.Lines(w.edit) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, "plan: "+line)
		}
	}
	for _, p := range w.patches {
		parts = append(parts, p.file+": "+strings.Join(strings.Fields(p.old), " "))
	}
	return strings.Join(parts, "; ")
}
