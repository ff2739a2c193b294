package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer"
)

// printDiff prints what differs between two plans.
func (o *planOptions) printDiff(c *Call) error {
	var sides [2][]libcontainer.PlanLine
	for i, name := range c.Args {
		var err error
		if sides[i], err = o.lines(c, name); err != nil {
			return err
		}
	}
	text := c.appendPlanDiff(nil, sides[0], sides[1])
	if len(text) == 0 {
		text = []byte("the plans are the same\n")
	}
	return c.page(text, o.noPager)
}

// lines returns the lines of a plan: of a bundle, of a config.json by any name, or of a plan that was saved.
func (o *planOptions) lines(c *Call, name string) ([]libcontainer.PlanLine, error) {
	if info, err := os.Stat(name); err == nil && !info.IsDir() {
		raw, err := sys.ReadInput(name)
		if err != nil {
			return nil, &diag.Error{Kind: diag.Document, Field: "plan", Value: name, Problem: "can't be read", Err: err}
		}
		if lines := savedLines(raw); lines != nil {
			return lines, nil
		}
	}
	p, result, err := c.Runtime.Plan(context.Background(), name, &o.create, o.wait)
	if err := c.take(result, err); err != nil {
		return nil, err
	}
	return p.Lines(), nil
}

// savedLines reads a plan that --format json has printed; nil if it is none.
func savedLines(raw []byte) []libcontainer.PlanLine {
	var saved struct {
		Steps []struct{ Part, Text, Origin, Sentence string } `json:"steps"`
	}
	if json.Unmarshal(bytes.TrimSpace(raw), &saved) != nil || len(saved.Steps) == 0 {
		return nil
	}
	lines := make([]libcontainer.PlanLine, len(saved.Steps))
	for i, s := range saved.Steps {
		comment := s.Origin
		if s.Origin != "" && s.Sentence != "" {
			comment += ": "
		}
		lines[i] = libcontainer.PlanLine{Part: s.Part, Call: s.Text, Comment: comment + s.Sentence}
	}
	return lines
}

// appendPlanDiff appends the lines that are only in a, with -, and those only in b, with +, below the headings of their
// parts. Numbers of steps are no difference.
func (c *Call) appendPlanDiff(dst []byte, a, b []libcontainer.PlanLine) []byte {
	for _, side := range [][]libcontainer.PlanLine{a, b} {
		for i := range side {
			side[i].Call = withoutJumps(side[i].Call)
		}
	}
	heading := ""
	line := func(l *libcontainer.PlanLine, sign, colour string) {
		if l.Part != heading {
			if heading = l.Part; len(dst) > 0 {
				dst = append(dst, '\n')
			}
			dst = append(c.paint(dst, bold, diag.Printable(heading)), '\n')
		}
		dst = append(c.paint(dst, colour, sign+" "+diag.Printable(l.Call)), c.commentOf(l)...)
		dst = append(dst, '\n')
	}
	common := longestCommon(a, b)
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common[i+1][j] >= common[i][j+1]):
			line(&a[i], "-", red)
			i++
		default:
			line(&b[j], "+", green)
			j++
		}
	}
	return dst
}

// withoutJumps returns a call in which the numbers of the steps that it goes to are "a later step".
func withoutJumps(call string) string {
	words := strings.SplitAfter(call, " ")
	for i := 1; i < len(words); i++ {
		digits := strings.TrimLeft(words[i], "0123456789")
		if words[i-1] == "to " && len(digits) < len(words[i]) {
			words[i] = "a later step" + digits
		}
	}
	return strings.Join(words, "")
}

func (c *Call) commentOf(l *libcontainer.PlanLine) []byte {
	if l.Comment == "" {
		return nil
	}
	return c.paint(nil, dim, "  # "+diag.Printable(l.Comment))
}

// longestCommon returns, for all i and j, the length of the longest common subsequence of a[i:] and b[j:]. Plans have a
// few hundred steps.
func longestCommon(a, b []libcontainer.PlanLine) [][]int32 {
	table := make([][]int32, len(a)+1)
	for i := range table {
		table[i] = make([]int32, len(b)+1)
	}
	for i, left := range slices.Backward(a) {
		for j, right := range slices.Backward(b) {
			if left == right {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	return table
}
