package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// differences returns the facts in which rt is alone: "+" is what only rt shows, "-" what all others show and rt does
// not.
func (w *world) differences(c *kase) (found []string) {
	rt, err := w.observe(c, w.rt)
	if err != nil {
		return []string{"! " + err.Error()}
	}
	var others []*facts
	for _, p := range w.peers {
		f, err := w.observe(c, p)
		if err != nil {
			return []string{"! " + err.Error()}
		}
		if !f.failed {
			others = append(others, f)
		}
	}
	if len(others) == 0 {
		return nil // nobody else can do it: there is nothing to compare with
	}
	if rt.failed {
		found = append(found, "! rt refuses what others do: "+strings.TrimSpace(rt.output))
		return w.unwanted(c, found)
	}
	for _, line := range rt.lines {
		if !slices.ContainsFunc(others, func(f *facts) bool { return slices.Contains(f.lines, line) }) {
			found = append(found, "+ "+line)
		}
	}
	for _, line := range others[0].lines {
		if slices.Contains(rt.lines, line) {
			continue
		}
		all := true
		for _, f := range others[1:] {
			all = all && slices.Contains(f.lines, line)
		}
		if all {
			found = append(found, "- "+line)
		}
	}
	found = w.unwanted(c, found)
	if len(found) > 0 && rt.output != "" && strings.Contains(strings.Join(found, ""), "after ") {
		found = append(found, "  rt said: "+strings.TrimSpace(rt.output))
	}
	return found
}

// unwanted leaves out what known lists for case c.
func (w *world) unwanted(c *kase, found []string) []string {
	known := slices.Clip(w.known)
	for i := range knownWhen {
		if knownWhen[i].when(c) {
			known = append(known, knownWhen[i].wanted)
		}
	}
	return slices.DeleteFunc(found, func(line string) bool {
		if w.told[line] {
			return true
		}
		for _, k := range known {
			if k.fact.MatchString(line) {
				return true
			}
		}
		return false
	})
}

// signature is what is the same in differences of one kind: the words of the first line, without what is only this
// case's.
func signature(found []string) string {
	var s []string
	for _, line := range found {
		f := strings.Fields(line)
		s = append(s, strings.Join(f[:min(len(f), 3)], " "))
	}
	slices.Sort(s)
	return strings.Join(slices.Compact(s), "\n")
}

// reduce takes away what the difference does not need: genes, then commands, one after the other.
func (w *world) reduce(c *kase, found []string) *kase {
	kind := func(f []string) bool {
		return len(f) > 0 && strings.Join(strings.Fields(f[0])[:2],
			" ") == strings.Join(strings.Fields(found[0])[:2], " ")
	}
	if none := (&kase{nil, c.sequence}); kind(w.differences(none)) {
		c = none
	}
	for again := true; again; {
		again = false
		for i := range c.genes {
			if less := (&kase{slices.Delete(slices.Clone(c.genes), i, i+1), c.sequence}); kind(w.differences(less)) {
				c, again = less, true
				break
			}
		}
	}
	for again := true; again; {
		again = false
		for i := range c.sequence {
			less := &kase{c.genes, slices.Delete(slices.Clone(c.sequence), i, i+1)}
			if len(less.sequence) > 0 && !killsCreated(less.sequence) && kind(w.differences(less)) {
				c, again = less, true
				break
			}
		}
	}
	return c
}

// tell prints a difference, and keeps its bundle if it is asked to.
func (w *world) tell(n uint64, c *kase, found []string) {
	fmt.Printf("case %d, reduced:%s\n", n, c)
	for _, line := range found {
		fmt.Println("  " + line)
	}
	if w.keep == "" {
		return
	}
	if _, err := w.makeBundle(c); err == nil {
		dir := filepath.Join(w.keep, fmt.Sprint(n))
		_ = os.RemoveAll(dir)
		_ = os.MkdirAll(w.keep, 0o755)
		if out, err := exec.Command("cp", "-a", w.dir+"/bundle", dir).CombinedOutput(); err != nil {
			fmt.Printf("  keep the bundle: %v: %s\n", err, out)
		}
	}
}
