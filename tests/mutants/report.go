package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// tell writes the table, prints how many mutants who noticed, and returns an error if the list of unseen ones is not
// as unseen.txt has it.
func (r *rig) tell(known []*unseen, took time.Duration) error {
	var table strings.Builder
	table.WriteString("| scenario | step | call | what for | change | noticed by |\n|---|---|---|---|---|---|\n")
	counts := make(map[string]int)
	wrong := r.wrong
	told := make(map[string]bool)
	for _, v := range r.judged {
		by := v.by
		row := find(known, v.String())
		switch {
		case v.by == "" && row != nil:
			row.found++
			by = "nothing: " + row.reason
			counts["nothing, and the list says why"]++
		case v.by == "":
			if !told[v.kind()] {
				wrong = append(wrong, "nothing notices "+v.String())
			}
			told[v.kind()] = true
			by = "**nothing**"
			counts["NOTHING"]++
		default:
			if row != nil && v.by != notMade {
				row.noticed = append(row.noticed, v.String())
			}
			name, _, _ := strings.Cut(v.by, ":")
			name, _, _ = strings.Cut(name, ",")
			counts[name]++
		}
		fmt.Fprintf(&table, "| %s | %d | `%s` | %s | %s | %s |\n", v.scenario.name, v.Number, cell(v.Text),
			cell(v.Why), v.Change, cell(by))
	}
	for i := range r.attacks {
		a := &r.attacks[i]
		table.WriteString(a.row())
		if a.Won == "" {
			wrong = append(wrong, "no attack notices that "+a.Defence+" is gone: "+a.Attack+": "+a.What)
			counts["NOTHING"]++
		} else {
			counts["an attack"]++
		}
	}
	whole := r.every == 1 && r.scenario.String() == "" && r.step.String() == ""
	for _, row := range known {
		if len(row.noticed) > 0 && !row.either {
			wrong = append(wrong, fmt.Sprintf("unseen.txt lists %q, and it is noticed: %s", row.mutants,
				row.noticed[0]))
		}
		if whole && row.found == 0 {
			fmt.Printf("unseen.txt lists %q, and this machine has no such mutant\n", row.mutants)
		}
	}
	if r.report != "" {
		if err := os.WriteFile(r.report, []byte(table.String()), 0o644); err != nil {
			return err
		}
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	for _, name := range names {
		fmt.Printf("%6d  %s\n", counts[name], name)
	}
	for _, line := range wrong {
		fmt.Println("FAILED: " + line)
	}
	fmt.Printf("mutants: %d passed, %d failed, 0 skipped\n", len(r.judged)+len(r.attacks)-counts["NOTHING"], len(wrong))
	fmt.Printf("%d worlds in %.0f s\n", r.count, took.Seconds())
	if len(wrong) > 0 {
		return fmt.Errorf("%d mutants are not as they should be", len(wrong))
	}
	return nil
}

func find(rows []*unseen, name string) *unseen {
	for _, row := range rows {
		if row.mutants.MatchString(name) {
			return row
		}
	}
	return nil
}

// cell is text for a cell of a table.
func cell(text string) string {
	text = strings.ReplaceAll(text, "|", "\\|")
	if len(text) > 300 {
		text = text[:300] + "..."
	}
	return text
}
