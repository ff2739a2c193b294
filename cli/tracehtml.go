package cli

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer"
)

// isHTML reports whether the name of a trace is that of a page.
func isHTML(file string) bool {
	return strings.HasSuffix(file, ".html") || strings.HasSuffix(file, ".htm")
}

// The page has no script and loads nothing. The policy forbids both, should a text of the config be more than text.
const pageHead = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<style>
:root { color-scheme: light dark; --line: #8883; --bar: #3b82c4; --bad: #c4453b; --dim: #888 }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 90em; padding: 0 1em }
h1 { font-size: 1.3em } h2 { font-size: 1em; margin: 1.5em 0 .3em }
code, td.n { font-family: ui-monospace, monospace; font-size: .9em }
.lane { display: flex; border-bottom: 1px solid var(--line) }
.lane > span { flex: 0 0 16em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.bars { position: relative; flex: 1; height: 1.5em }
.bars i { position: absolute; top: .25em; height: 1em; min-width: 2px; background: var(--bar); opacity: .8 }
.bars i:hover { opacity: 1; outline: 2px solid }
i.bad { background: var(--bad) } .dim { color: var(--dim) } td.bad { color: var(--bad) }
.bars i b { display: none; font-style: normal; font-weight: normal }
.bars i:hover b { display: block; position: absolute; z-index: 1; top: 1.4em; left: 0; width: max-content;
  max-width: 40em; padding: .4em .6em; background: Canvas; color: CanvasText; border: 1px solid; white-space: pre-wrap;
  overflow-wrap: anywhere }
.bars i.right:hover b { left: auto; right: 0 }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: 0 .6em; vertical-align: top }
td { border-top: 1px solid var(--line); overflow-wrap: anywhere } td.n { text-align: right; white-space: nowrap }
tr:hover td { background: #8881 }
</style>
`

// slowestSteps is how many steps a trace lists by their duration.
const slowestSteps = 5

// appendTracePage appends the steps as one HTML page: a timeline with a lane for each part of the plan, the slowest
// steps, and all steps in a table.
func appendTracePage(dst []byte, title string, events []libcontainer.TraceEvent) []byte {
	dst = append(append(dst, pageHead...), "<title>"+text(title)+"</title></head><body>\n<h1>"+text(title)+"</h1>\n"...)
	if len(events) == 0 {
		return append(dst, "<p>No step has run.</p>\n</body></html>\n"...)
	}
	begin, end := events[0].Start, events[0].End
	for i := range events {
		end = max(end, events[i].End)
	}
	dst = append(dst, "<p>"+strconv.Itoa(len(events))+" steps in "+milli(end-begin)+" ms</p>\n<h2>Timeline</h2>\n"...)
	dst = appendLanes(dst, events, begin, end)
	dst = append(dst, "<h2>Slowest steps</h2>\n"...)
	var slow []libcontainer.TraceEvent
	for _, e := range slowest(events) {
		slow = append(slow, *e)
	}
	dst = appendStepRows(dst, slow, begin, false)
	dst = append(dst, "<h2>All steps</h2>\n"...)
	return append(appendStepRows(dst, events, begin, true), "</body></html>\n"...)
}

// text escapes a text of the config or of the container for a page. Invisible characters are written as in Go.
func text(s string) string {
	// Package html does the same, and initialises a table of entities at every start of rt.
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")
	return escape.Replace(diag.Printable(s))
}

// appendLanes appends a lane for each part, in the order in which they begin, with a bar for each step.
func appendLanes(dst []byte, events []libcontainer.TraceEvent, begin, end int64) []byte {
	var parts []string
	for i := range events {
		if !slices.Contains(parts, events[i].Part) {
			parts = append(parts, events[i].Part)
		}
	}
	percent := func(ns int64) string {
		return strconv.FormatFloat(100*float64(ns)/float64(max(end-begin, 1)), 'f', 3, 64) + "%"
	}
	for _, part := range parts {
		dst = append(dst, `<div class="lane"><span>`+text(part)+`</span><div class="bars">`...)
		for i := range events {
			e := &events[i]
			if e.Part != part {
				continue
			}
			class := ""
			if e.Result < 0 {
				class = "bad "
			}
			if e.Start-begin > (end-begin)/2 {
				class += "right"
			}
			dst = append(dst, `<i class="`+class+`" style="left:`+percent(e.Start-begin)+
				`;width:`+percent(e.End-e.Start)+`"><b>`...)
			dst = append(dst, "step "+strconv.Itoa(e.Step)+": "+text(e.Text)+"\n= "+text(result(e.Result))+" after "+
				milli(e.End-e.Start)+" ms"...)
			if e.Origin != "" {
				dst = append(dst, "\n"+text(e.Origin)...)
			}
			if e.Sentence != "" {
				dst = append(dst, "\n"+text(e.Sentence)...)
			}
			dst = append(dst, "</b></i>"...)
		}
		dst = append(dst, "</div></div>\n"...)
	}
	return dst
}

// appendStepRows appends a table of steps, with the parts as headings if wanted.
func appendStepRows(dst []byte, events []libcontainer.TraceEvent, begin int64, headings bool) []byte {
	dst = append(dst, "<table><tr><th>at ms<th>took ms<th>step<th>result<th>call<th>field<th>for</tr>\n"...)
	part := ""
	for i := range events {
		e := &events[i]
		if headings && e.Part != part {
			part = e.Part
			dst = append(dst, `<tr><th colspan="7">`+text(part)+"</th></tr>\n"...)
		}
		class := "n"
		if e.Result < 0 {
			class = "n bad"
		}
		dst = append(dst, `<tr class="step"><td class="n">`+milli(e.Start-begin)+`<td class="n">`+milli(e.End-e.Start)+
			`<td class="n">`+strconv.Itoa(e.Step)+`<td class="`+class+`">`+text(result(e.Result))+"<td><code>"+
			text(e.Text)+"</code><td><code>"+text(e.Origin)+`</code><td class="dim">`+text(e.Sentence)+"</tr>\n"...)
	}
	return append(dst, "</table>\n"...)
}

// slowest returns the steps that took longest, slowest first.
func slowest(events []libcontainer.TraceEvent) []*libcontainer.TraceEvent {
	list := make([]*libcontainer.TraceEvent, len(events))
	for i := range events {
		list[i] = &events[i]
	}
	slices.SortStableFunc(list, func(a, b *libcontainer.TraceEvent) int {
		return cmp.Compare(b.End-b.Start, a.End-a.Start)
	})
	return list[:min(len(list), slowestSteps)]
}
